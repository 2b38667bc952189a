-- CreateEnum
CREATE TYPE "api_key_role" AS ENUM ('READ', 'WRITE', 'ADMIN');

-- CreateEnum
CREATE TYPE "stream_kind" AS ENUM ('DATASET', 'REPORT');

-- CreateTable
CREATE TABLE "organization" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "organization_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "dataset" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "tracking_id" TEXT,
    "name" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "dataset_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "report" (
    "id" UUID NOT NULL,
    "organization_id" UUID NOT NULL,
    "project_id" UUID,
    "name" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "report_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "api_key" (
    "id" UUID NOT NULL,
    "organization_id" UUID,
    "role" "api_key_role" NOT NULL,
    "name" TEXT,
    "prefix" TEXT NOT NULL,
    "hash" TEXT NOT NULL,
    "dataset_ids" UUID[],
    "report_ids" UUID[],
    "expires_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "api_key_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "stream" (
    "id" UUID NOT NULL,
    "kind" "stream_kind" NOT NULL,
    "head" BIGINT NOT NULL DEFAULT 0,
    "last_at" TIMESTAMPTZ(3),

    CONSTRAINT "stream_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "event" (
    "stream_id" UUID NOT NULL,
    "seq" BIGINT NOT NULL,
    "id" UUID NOT NULL,
    "type" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "data" TEXT NOT NULL,

    CONSTRAINT "event_pkey" PRIMARY KEY ("stream_id","seq")
);

-- CreateTable
CREATE TABLE "event_count" (
    "stream_id" UUID NOT NULL,
    "type" TEXT NOT NULL,
    "n" BIGINT NOT NULL,

    CONSTRAINT "event_count_pkey" PRIMARY KEY ("stream_id","type")
);

-- CreateTable
CREATE TABLE "event_mark" (
    "stream_id" UUID NOT NULL,
    "type" TEXT NOT NULL,
    "ordinal" BIGINT NOT NULL,
    "seq" BIGINT NOT NULL,

    CONSTRAINT "event_mark_pkey" PRIMARY KEY ("stream_id","type","ordinal")
);

-- CreateIndex
CREATE UNIQUE INDEX "dataset_organization_id_tracking_id_key" ON "dataset"("organization_id", "tracking_id");

-- CreateIndex
CREATE INDEX "report_organization_id_idx" ON "report"("organization_id");

-- CreateIndex
CREATE UNIQUE INDEX "api_key_hash_key" ON "api_key"("hash");

-- CreateIndex
CREATE INDEX "api_key_organization_id_idx" ON "api_key"("organization_id");

-- CreateIndex
CREATE INDEX "event_stream_id_type_seq_idx" ON "event"("stream_id", "type", "seq");

-- CreateIndex
CREATE UNIQUE INDEX "event_stream_id_id_key" ON "event"("stream_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "event_mark_stream_id_type_seq_key" ON "event_mark"("stream_id", "type", "seq");

-- AddForeignKey
ALTER TABLE "dataset" ADD CONSTRAINT "dataset_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "dataset" ADD CONSTRAINT "dataset_id_fkey" FOREIGN KEY ("id") REFERENCES "stream"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "report" ADD CONSTRAINT "report_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "report" ADD CONSTRAINT "report_id_fkey" FOREIGN KEY ("id") REFERENCES "stream"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "api_key" ADD CONSTRAINT "api_key_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organization"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
