const ID = '0a6f1f64-1111-4a4a-8b8b-00000000000c'
const OTHER = '3fa85f64-5717-4562-b3fc-2c963f66afa6'

const CRAWL = {
  add_chunks_to_dataset: null,
  allow_external_links: false,
  body_remove_strings: ['#ad'],
  boost_titles: true,
  exclude_paths: [],
  exclude_tags: ['nav', '#footer'],
  heading_remove_strings: null,
  ignore_sitemap: true,
  include_paths: ['/docs/*'],
  include_tags: null,
  interval: 'daily',
  limit: 50,
  scrape_options: { openapi_schema_url: 'https://example.org/openapi.json', openapi_tag: 'api', type: 'openapi' },
  site_url: 'https://example.org',
  tags: ['a'],
  webhook_metadata: { customer: [1, null, 'é'] },
  webhook_urls: ['https://example.org/hook'],
}

const SHOPIFY = { group_variants: null, tag_regexes: ['^a'], type: 'shopify' }

const NO_CRAWL = Object.fromEntries(Object.keys(CRAWL).map((name) => [name, null]))

const FILE = { file_id: ID, file_name: 'a.pdf', pages: 12 }

/** Payloads of each documented type as the source of Trieve writes them, or has written them, with their types. */
export const TRIEVE_PAYLOADS: readonly (readonly [string, object | null])[] = [
  [
    'FILE_UPLOADED',
    { ...FILE, pdf2md_options: { split_headings: null, system_prompt: 'Be brief', use_pdf2md_ocr: true } },
  ],
  ['FILE_UPLOADED', { ...FILE, pages: null, pdf2md_options: null }],
  ['FILE_UPLOADED', { file_id: ID, file_name: 'of 2024-04' }],
  ['FILE_UPLOADED', { group_id: OTHER, file_name: 'of 2024-01' }],
  ['FILE_UPLOAD_FAILED', { error: 'No', file_id: ID }],
  ['CHUNKS_UPLOADED', { bytes_ingested: Number.MAX_SAFE_INTEGER, chunk_ids: [ID, OTHER], tokens_ingested: 0 }],
  ['CHUNKS_UPLOADED', { chunk_ids: [] }],
  ['CHUNK_ACTION_FAILED', { chunk_id: ID, error: 'No' }],
  ['CHUNK_UPDATED', { chunk_id: ID }],
  ['BULK_CHUNKS_DELETED', { message: 'Deleted 3 chunks' }],
  ['CHUNK_UPDATE_FAILED', { chunk_id: ID, message: 'No' }],
  ['DATASET_DELETE_FAILED', { error: 'No' }],
  ['QDRANT_UPLOAD_FAILED', { chunk_id: ID, error: 'No', qdrant_point_id: OTHER }],
  ['BULK_CHUNK_UPLOAD_FAILED', { chunk_ids: [ID], error: 'No' }],
  ['GROUP_CHUNKS_UPDATED', { group_id: ID }],
  ['GROUP_CHUNKS_ACTION_FAILED', { error: 'No', group_id: ID }],
  ['CRAWL_COMPLETED', { chunks_created: 7, crawl_options: CRAWL, pages_crawled: 3, scrape_id: ID }],
  ['CRAWL_FAILED', { crawl_options: { ...CRAWL, scrape_options: SHOPIFY }, error: 'No', scrape_id: ID }],
  ['CRAWL_STARTED', { crawl_options: { ...NO_CRAWL, scrape_options: { type: 'youtube' } }, scrape_id: ID }],
  ['CRAWL_STARTED', { crawl_options: NO_CRAWL, scrape_id: ID }],
  ['CSV_JSONL_PROCESSING_FAILED', { error: 'No', file_id: ID }],
  ['CSV_JSONL_PROCESSING_CHECKPOINT', { chunks_created: 1, file_id: ID }],
  ['CSV_JSONL_PROCESSING_COMPLETED', { chunks_created: 1, file_id: ID }],
  ['VIDEO_UPLOADED', { chunks_created: 1, video_id: 'dQw4w9WgXcQ' }],
  ['PAGEFIND_INDEXING_STARTED', null],
  ['PAGEFIND_INDEXING_FINISHED', { total_files: 9 }],
  ['ETL_STARTED', { include_images: true, model: null, prompt: 'Tag', tag_enum: ['a', 'b'] }],
  ['ETL_COMPLETED', null],
  ['ETL_FAILED', { error: 'No' }],
]
