import { z } from 'zod'
import { uuid } from '../lib/text.ts'
import { type DocumentedType, documentedType, enumName } from './worker-event-type.ts'

// The one definition of the payloads of worker events: their check, and the types of the GraphQL schema. Trieve
// documents only the names of the types; the members are those that its source writes, or wrote in an earlier version,
// where a member that it did not always write may be missing. Other members are allowed, and not typed.

const count = z.int().min(0)
const flag = z.boolean().nullish()
const texts = listOf(z.string()).nullish()

const chunkId = uuid.describe('Id of the chunk.')
const chunkIds = listOf(uuid).describe('Ids of the chunks.')
const chunksCreated = count.describe('Number of chunks that were created.')
const error = z.string().describe('What went wrong.')
const fileId = uuid.describe('Id of the file.')
const groupId = uuid.describe('Id of the group.')
const scrapeId = uuid.describe('Id of the crawl.')

const Pdf2MdOptions = z
  .object({
    use_pdf2md_ocr: z.boolean().describe('Whether the file is converted to Markdown by a language model.'),
    system_prompt: z.string().nullish().describe('Prompt for the language model.'),
    split_headings: flag.describe('Whether headings become chunks of their own.'),
  })
  .meta({ title: 'Pdf2MdOptions', description: 'How a PDF file is converted to Markdown.' })

const ScrapeOptions = z
  .object({
    type: z
      .enum(['openapi', 'shopify', 'youtube'])
      .meta({ title: 'ScrapeType', description: 'Kind of source that has crawl options of its own.' }),
    openapi_schema_url: z.string().nullish().describe('With OPENAPI: address of the OpenAPI document.'),
    openapi_tag: z.string().nullish().describe('With OPENAPI: tag of the pages that describe operations.'),
    group_variants: flag.describe('With SHOPIFY: whether the variants of a product become one group of chunks.'),
    tag_regexes: texts.describe('With SHOPIFY: patterns of the tags that chunks get.'),
  })
  .meta({ title: 'ScrapeOptions', description: 'What a crawl does with sources of one kind.' })

const CrawlOptions = z
  .object({
    site_url: z.string().nullish().describe('Address that the crawl begins at.'),
    interval: z
      .enum(['daily', 'weekly', 'monthly'])
      .meta({ title: 'CrawlInterval', description: 'How often a website is crawled.' })
      .nullish()
      .describe('How often the site is crawled.'),
    limit: z.int32().nullish().describe('Maximum number of pages to crawl.'),
    include_paths: texts.describe('Patterns of the addresses to crawl.'),
    exclude_paths: texts.describe('Patterns of the addresses not to crawl.'),
    include_tags: texts.describe('HTML tags, classes and ids to read.'),
    exclude_tags: texts.describe('HTML tags, classes and ids to leave out.'),
    boost_titles: flag.describe('Whether matches in titles rank higher.'),
    allow_external_links: flag.describe('Whether links to other sites are followed.'),
    ignore_sitemap: flag.describe('Whether the sitemap of the site is ignored.'),
    heading_remove_strings: texts.describe('Texts to remove from headings.'),
    body_remove_strings: texts.describe('Texts to remove from bodies.'),
    scrape_options: ScrapeOptions.nullish().describe('Options for sources of one kind.'),
    webhook_urls: texts.describe('Addresses to call for each page.'),
    webhook_metadata: z
      .unknown()
      .optional()
      .describe('JSON value to send with these calls. Large integers may lose precision: use eventDataText.'),
    add_chunks_to_dataset: flag.describe('Whether the chunks are added to the dataset.'),
    tags: texts.describe('Tags of the crawl.'),
  })
  .meta({ title: 'CrawlOptions', description: 'How a website is crawled.' })

export const WORKER_EVENT_DATA = {
  file_uploaded: z.object({
    file_id: fileId.nullish().describe('Id of the file. FILE_UPLOADED of old versions of Trieve has groupId instead.'),
    group_id: groupId.nullish().describe('Id of the group. In FILE_UPLOADED only from old versions of Trieve.'),
    file_name: z.string().describe('Name of the file.'),
    pages: count.nullish().describe('Number of pages of the file.'),
    pdf2md_options: Pdf2MdOptions.nullish().describe('How the file is converted to Markdown.'),
  }),
  file_upload_failed: z.object({ file_id: fileId, error }),
  chunks_uploaded: z.object({
    chunk_ids: chunkIds,
    tokens_ingested: count.nullish().describe('Number of tokens of the chunks.'),
    bytes_ingested: count.nullish().describe('Number of bytes of the chunks.'),
  }),
  chunk_action_failed: z.object({ chunk_id: chunkId, error }),
  chunk_updated: z.object({ chunk_id: chunkId }),
  bulk_chunks_deleted: z.object({ message: z.string().describe('What was done, or what went wrong.') }),
  chunk_update_failed: z.object({
    chunk_id: chunkId,
    message: z.string().describe('What was done, or what went wrong.'),
  }),
  dataset_delete_failed: z.object({ error }),
  qdrant_upload_failed: z.object({
    chunk_id: chunkId,
    qdrant_point_id: uuid.describe('Id of the vector.'),
    error,
  }),
  bulk_chunk_upload_failed: z.object({ chunk_ids: chunkIds, error }),
  group_chunks_updated: z.object({ group_id: groupId }),
  group_chunks_action_failed: z.object({ group_id: groupId, error }),
  crawl_completed: z.object({
    scrape_id: scrapeId,
    pages_crawled: count.describe('Number of pages that were crawled.'),
    chunks_created: chunksCreated,
    crawl_options: CrawlOptions,
  }),
  crawl_failed: z.object({ scrape_id: scrapeId, crawl_options: CrawlOptions, error }),
  crawl_started: z.object({ scrape_id: scrapeId, crawl_options: CrawlOptions }),
  csv_jsonl_processing_failed: z.object({ file_id: fileId, error }),
  csv_jsonl_processing_checkpoint: z.object({ file_id: fileId, chunks_created: chunksCreated }),
  csv_jsonl_processing_completed: z.object({ file_id: fileId, chunks_created: chunksCreated }),
  video_uploaded: z.object({ video_id: z.string().describe('Id of the video.'), chunks_created: chunksCreated }),
  // Trieve writes null for types without members.
  pagefind_indexing_started: z.object({}),
  pagefind_indexing_finished: z.object({ total_files: count.describe('Number of files that were indexed.') }),
  etl_started: z.object({
    prompt: z.string().describe('What the transformation is to do.'),
    model: z.string().nullish().describe('Name of the language model.'),
    tag_enum: texts.describe('Tags that the model can choose from.'),
    include_images: flag.describe('Whether the model sees the images of chunks.'),
  }),
  etl_completed: z.object({}),
  etl_failed: z.object({ error }),
} as const satisfies Record<DocumentedType, z.ZodObject>

/** Members by the names of Trieve. */
export type Members = Readonly<Record<string, unknown>>

/** A payload as its type documents it, or why it is of another shape. */
export type CheckedData =
  | { readonly type: DocumentedType; readonly members: Members; readonly problem?: undefined }
  | { readonly problem: string }

/** Checks a payload. @param type the stored name. @param value the payload, parsed. */
export function checkWorkerEventData(type: string, value: unknown): CheckedData {
  const documented = documentedType(type)
  if (!documented) return { problem: `is of the undocumented type ${type}` }
  const { data, error } = WORKER_EVENT_DATA[documented].safeParse(value ?? {})
  if (!error) return { type: documented, members: data }
  const { path, message } = error.issues[0] as z.core.$ZodIssue
  return {
    problem: `does not have the members of ${enumName(type)}: ${[path.join('.'), message].filter(Boolean).join(': ')}`,
  }
}

// Only up to its first problem: a payload can have half a million, and zod describes each in 600 bytes.
function listOf<Item extends z.ZodType>(item: Item) {
  const first = z.array(z.unknown()).superRefine((items, { addIssue }) => {
    for (const [index, value] of items.entries()) {
      const { error } = item.safeParse(value)
      if (error) return addIssue({ code: 'custom', path: [index], message: error.issues[0]?.message })
    }
  })
  return first.pipe(z.array(item))
}
