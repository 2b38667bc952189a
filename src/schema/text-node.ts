import { z } from 'zod'
import { jsonObject, text } from '../lib/text.ts'
import { type GivenSource, TextNode as Node, type TextNodeWithScore as Source } from '../log/report/report-data.ts'
import { builder } from './builder.ts'

const RELATIONSHIPS =
  'Related nodes, in the format of LlamaIndex. Keys: "1" source, "2" previous, "3" next, "4" parent, "5" child; ' +
  'others are kept. Values: a RelatedNodeInfo ({ node_id, node_type, metadata, hash, class_name }) or a list of them.'

const TextNode = builder.objectRef<Node>('TextNode').implement({
  description: 'A piece of source text, as defined by LlamaIndex.',
  fields: (t) => ({
    id: t.exposeString('id_', {
      description: 'Id of the node: usually a UUID, but any string is allowed. LlamaIndex calls it id_.',
    }),
    embedding: t.expose('embedding', {
      type: ['Float'],
      nullable: true,
      description: 'Embedding vector. Null if it was not provided.',
    }),
    metadata: t.expose('extra_info', {
      type: 'JSON',
      description: 'Metadata of the text, as a JSON object. LlamaIndex calls it extra_info.',
    }),
    excludedEmbedMetadataKeys: t.exposeStringList('excluded_embed_metadata_keys', {
      description: 'Metadata keys hidden from the embedding model.',
    }),
    excludedLlmMetadataKeys: t.exposeStringList('excluded_llm_metadata_keys', {
      description: 'Metadata keys hidden from the language model.',
    }),
    relationships: t.expose('relationships', { type: 'JSON', description: RELATIONSHIPS }),
    metadataTemplate: t.exposeString('metadata_template', {
      description: 'Template of one metadata entry, with the placeholders {key} and {value}.',
    }),
    metadataSeparator: t.exposeString('metadata_seperator', { description: 'Separator between metadata entries.' }),
    text: t.exposeString('text', { description: 'The text.' }),
    mimetype: t.exposeString('mimetype', { description: 'Media type of the text.' }),
    startCharIdx: t.exposeInt('start_char_idx', {
      nullable: true,
      description: 'Start of the text in its source document, in characters. Null if unknown.',
    }),
    endCharIdx: t.exposeInt('end_char_idx', {
      nullable: true,
      description: 'End of the text in its source document, in characters. Null if unknown.',
    }),
    textTemplate: t.exposeString('text_template', {
      description: 'Template that combines metadata and text, with the placeholders {metadata_str} and {content}.',
    }),
    className: t.exposeString('class_name', { description: 'Class name of the node in LlamaIndex.' }),
  }),
})

export const TextNodeWithScore = builder.objectRef<Source>('TextNodeWithScore').implement({
  description: 'A source of a block, with its relevance score.',
  fields: (t) => ({
    node: t.expose('node', { type: TextNode, description: 'Source text.' }),
    score: t.exposeFloat('score', {
      nullable: true,
      description: 'Relevance, on a scale that depends on the retriever. Null if unknown.',
    }),
    className: t.exposeString('class_name', { description: 'Class name of the result in LlamaIndex.' }),
  }),
})

const TextNodeInput = builder.inputType('TextNodeInput', {
  description: 'A piece of source text. Omitted fields get the defaults of LlamaIndex.',
  fields: (t) => ({
    id: t.string({
      validate: text,
      description:
        'Id of the node: any string. Defaults to a UUID derived from the event id and the index of the source, so ' +
        'that retries are identical.',
    }),
    embedding: t.floatList({ description: 'Embedding vector.' }),
    metadata: t.field({
      type: 'JSON',
      validate: jsonObject,
      description: 'Metadata of the text, as a JSON object. Defaults to {}.',
    }),
    excludedEmbedMetadataKeys: t.stringList({
      validate: z.array(text),
      description: 'Metadata keys to hide from the embedding model.',
    }),
    excludedLlmMetadataKeys: t.stringList({
      validate: z.array(text),
      description: 'Metadata keys to hide from the language model.',
    }),
    relationships: t.field({ type: 'JSON', validate: Node.shape.relationships, description: RELATIONSHIPS }),
    metadataTemplate: t.string({
      validate: text,
      description: 'Template of one metadata entry. Defaults to "{key}: {value}".',
    }),
    metadataSeparator: t.string({
      validate: text,
      description: 'Separator between metadata entries. Defaults to a newline.',
    }),
    text: t.string({ validate: text, description: 'The text. Defaults to the empty string.' }),
    mimetype: t.string({ validate: text, description: 'Media type of the text. Defaults to "text/plain".' }),
    startCharIdx: t.int({
      description: 'Start of the text in its source document, in characters. Null if unknown.',
    }),
    endCharIdx: t.int({
      description: 'End of the text in its source document, in characters. Null if unknown.',
    }),
    textTemplate: t.string({
      validate: text,
      description:
        'Template that combines metadata and text. Defaults to "{metadata_str}", an empty line and "{content}".',
    }),
    className: t.string({
      validate: text,
      description: 'Class name of the node in LlamaIndex. Defaults to "TextNode".',
    }),
  }),
})

export const TextNodeWithScoreInput = builder.inputType('TextNodeWithScoreInput', {
  description: 'A source of a block, with its relevance score.',
  fields: (t) => ({
    node: t.field({ type: TextNodeInput, required: true, description: 'Source text.' }),
    score: t.float({ description: 'Relevance, on a scale that depends on the retriever.' }),
    className: t.string({
      validate: text,
      description: 'Class name of the result in LlamaIndex. Defaults to "TextNodeWithScore".',
    }),
  }),
})

type GivenNode = GivenSource['node']

/** The names of LlamaIndex. What is omitted or null gets its default. */
export function toSource({ node, score, className }: typeof TextNodeWithScoreInput.$inferInput): GivenSource {
  return {
    node: {
      id_: node.id ?? undefined,
      embedding: node.embedding,
      extra_info: (node.metadata ?? undefined) as GivenNode['extra_info'],
      excluded_embed_metadata_keys: node.excludedEmbedMetadataKeys ?? undefined,
      excluded_llm_metadata_keys: node.excludedLlmMetadataKeys ?? undefined,
      relationships: (node.relationships ?? undefined) as GivenNode['relationships'],
      metadata_template: node.metadataTemplate ?? undefined,
      metadata_seperator: node.metadataSeparator ?? undefined,
      text: node.text ?? undefined,
      mimetype: node.mimetype ?? undefined,
      start_char_idx: node.startCharIdx,
      end_char_idx: node.endCharIdx,
      text_template: node.textTemplate ?? undefined,
      class_name: node.className ?? undefined,
    },
    score,
    class_name: className ?? undefined,
  }
}
