/** The 24 types of Trieve's API document, in its order. Trieve no longer writes some; old histories hold them. */
export const WORKER_EVENT_TYPES = {
  file_uploaded: 'A file was taken in.',
  file_upload_failed: 'A file could not be taken in.',
  chunks_uploaded: 'Chunks were stored.',
  chunk_action_failed: 'Something done to one chunk failed. Retired; in old histories only.',
  chunk_updated: 'One chunk was changed.',
  bulk_chunks_deleted: 'Many chunks were deleted at once.',
  chunk_update_failed: 'A change to one chunk failed.',
  dataset_delete_failed: 'The dataset could not be deleted.',
  qdrant_upload_failed:
    'A vector could not be stored. Retired; stored and served to REST clients as qdrant_index_failed.',
  bulk_chunk_upload_failed: 'Chunks could not be stored.',
  group_chunks_updated: 'The chunks of a group were changed.',
  group_chunks_action_failed: 'Something done to the chunks of a group failed.',
  crawl_completed: 'A crawl of a site ended well.',
  crawl_failed: 'A crawl of a site failed.',
  crawl_started: 'A crawl of a site began.',
  csv_jsonl_processing_failed: 'A CSV or JSONL file could not be processed.',
  csv_jsonl_processing_checkpoint: 'Part of a CSV or JSONL file has been processed.',
  csv_jsonl_processing_completed: 'A CSV or JSONL file has been processed.',
  video_uploaded: 'A video was taken in.',
  pagefind_indexing_started: 'Building the static search index began.',
  pagefind_indexing_finished: 'The static search index is built.',
  etl_started: 'A transformation of the dataset began.',
  etl_completed: 'A transformation of the dataset ended well.',
  etl_failed: 'A transformation of the dataset failed.',
} as const

export type DocumentedType = keyof typeof WORKER_EVENT_TYPES

/** The name a type is stored and served under: Trieve renames one between request and row. */
export function storedType(type: DocumentedType): string {
  return type === 'qdrant_upload_failed' ? 'qdrant_index_failed' : type
}

const NAMES = Object.keys(WORKER_EVENT_TYPES) as DocumentedType[]

const STORED = new Map(NAMES.flatMap((name) => [name, storedType(name)].map((key) => [key, storedType(name)] as const)))

const ENUM_NAMES = new Map(NAMES.map((name) => [storedType(name), name.toUpperCase()]))

/** The stored name for a name in a request, a row or the GraphQL enum, if there is such a type. */
export function typeNamed(name: string): string | undefined {
  return STORED.get(name.toLowerCase())
}

/** The GraphQL enum name of a stored type. */
export function enumName(stored: string): string {
  return ENUM_NAMES.get(stored) ?? stored.toUpperCase()
}
