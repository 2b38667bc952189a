-- CreateEnum
CREATE TYPE "live_transport" AS ENUM ('WEBSOCKET', 'SERVER_SENT_EVENTS');

-- CreateTable
CREATE TABLE "live_node" (
    "id" UUID NOT NULL,
    "seen_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "live_node_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "live_connection" (
    "id" UUID NOT NULL,
    "node_id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "api_key_id" UUID,
    "stream_id" UUID NOT NULL,
    "transport" "live_transport" NOT NULL,
    "operation_name" TEXT,
    "opened_at" TIMESTAMPTZ(3) NOT NULL,
    "position" BIGINT NOT NULL,
    "end_requested" BOOLEAN NOT NULL DEFAULT false,

    CONSTRAINT "live_connection_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "live_connection_organization_id_id_idx" ON "live_connection"("organization_id", "id");

-- CreateIndex
CREATE INDEX "live_connection_node_id_idx" ON "live_connection"("node_id");

-- AddForeignKey
ALTER TABLE "live_connection" ADD CONSTRAINT "live_connection_node_id_fkey" FOREIGN KEY ("node_id") REFERENCES "live_node"("id") ON DELETE CASCADE ON UPDATE CASCADE;
