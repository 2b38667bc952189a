/** The 24 types of Trieve's API document, in its order. Trieve no longer writes some; old histories hold them. */
export const WORKER_EVENT_TYPES = {
  file_uploaded: 'A file was uploaded.',
  file_upload_failed: 'Uploading a file failed.',
  chunks_uploaded: 'Chunks were stored.',
  chunk_action_failed: 'An action on one chunk failed. Obsolete: only in older histories.',
  chunk_updated: 'One chunk was updated.',
  bulk_chunks_deleted: 'Chunks were deleted in bulk.',
  chunk_update_failed: 'Updating one chunk failed.',
  dataset_delete_failed: 'Deleting the dataset failed.',
  qdrant_upload_failed: 'Storing a vector failed. Obsolete. The REST route calls it qdrant_index_failed.',
  bulk_chunk_upload_failed: 'Storing chunks in bulk failed.',
  group_chunks_updated: 'The chunks of a group were updated.',
  group_chunks_action_failed: 'An action on the chunks of a group failed.',
  crawl_completed: 'A website crawl completed.',
  crawl_failed: 'A website crawl failed.',
  crawl_started: 'A website crawl started.',
  csv_jsonl_processing_failed: 'Processing a CSV or JSONL file failed.',
  csv_jsonl_processing_checkpoint: 'Part of a CSV or JSONL file was processed.',
  csv_jsonl_processing_completed: 'Processing a CSV or JSONL file completed.',
  video_uploaded: 'A video was uploaded.',
  pagefind_indexing_started: 'Building the static search index started.',
  pagefind_indexing_finished: 'Building the static search index finished.',
  etl_started: 'A transformation of the dataset started.',
  etl_completed: 'A transformation of the dataset completed.',
  etl_failed: 'A transformation of the dataset failed.',
} as const

export type DocumentedType = keyof typeof WORKER_EVENT_TYPES

/** The name a type is stored and served under: Trieve renames one between request and row. */
export function storedType(type: DocumentedType): string {
  return type === 'qdrant_upload_failed' ? 'qdrant_index_failed' : type
}

const NAMES = Object.keys(WORKER_EVENT_TYPES) as DocumentedType[]

const STORED = new Map(NAMES.flatMap((name) => [name, storedType(name)].map((key) => [key, storedType(name)] as const)))

const DOCUMENTED = new Map(NAMES.map((name) => [storedType(name), name]))

/** The documented name of a stored one, if there is one. */
export function documentedType(stored: string): DocumentedType | undefined {
  return DOCUMENTED.get(stored)
}

const ENUM_NAMES = new Map(NAMES.map((name) => [storedType(name), name.toUpperCase()]))

/** The stored name for a name in a request, a row or the GraphQL enum, if there is such a type. */
export function typeNamed(name: string): string | undefined {
  return STORED.get(name.toLowerCase())
}

export function enumName(stored: string): string {
  return ENUM_NAMES.get(stored) ?? stored.toUpperCase()
}
