-- AlterEnum
ALTER TYPE "live_transport" ADD VALUE 'HTTP_RESPONSE';

-- AlterTable
ALTER TABLE "live_connection" ALTER COLUMN "stream_id" DROP NOT NULL;
