import { z } from 'zod'
import { jsonObject, text } from '../lib/text.ts'
import { defaultNodeId, NODE_DEFAULTS, Relationships, SOURCE_CLASS } from '../log/report/report-data.ts'
import type { NodeWithScore, TextNodeData } from '../log/report/report-event.ts'
import { builder } from './builder.ts'

const RELATIONSHIPS =
  'Other nodes by relationship, as LlamaIndex writes them: the keys are "1" source, "2" previous, "3" next, "4" parent and "5" child, each value a RelatedNodeInfo ({ node_id, node_type, metadata, hash, class_name }) or a list of them.'

const TextNode = builder.objectRef<TextNodeData>('TextNode').implement({
  description: 'A piece of source text, as LlamaIndex describes it.',
  fields: (t) => ({
    id: t.exposeString('id_', { description: 'LlamaIndex’s id_: usually a UUID, but any text.' }),
    embedding: t.expose('embedding', {
      type: ['Float'],
      nullable: true,
      description: 'Its vector; null when it was not sent along.',
    }),
    metadata: t.expose('extra_info', {
      type: 'JSON',
      description: 'A flat object about the text. LlamaIndex sends it as extra_info.',
    }),
    excludedEmbedMetadataKeys: t.exposeStringList('excluded_embed_metadata_keys', {
      description: 'Metadata that the embedding model does not see.',
    }),
    excludedLlmMetadataKeys: t.exposeStringList('excluded_llm_metadata_keys', {
      description: 'Metadata that the language model does not see.',
    }),
    relationships: t.expose('relationships', { type: 'JSON', description: RELATIONSHIPS }),
    metadataTemplate: t.exposeString('metadata_template', {
      description: 'How one metadata entry is written: {key} and {value}.',
    }),
    metadataSeparator: t.exposeString('metadata_seperator', { description: 'What stands between metadata entries.' }),
    text: t.exposeString('text', { description: 'The text itself.' }),
    mimetype: t.exposeString('mimetype', { description: 'The media type of the text.' }),
    startCharIdx: t.exposeInt('start_char_idx', {
      nullable: true,
      description: 'Where it begins in its source, in characters.',
    }),
    endCharIdx: t.exposeInt('end_char_idx', {
      nullable: true,
      description: 'Where it ends in its source, in characters.',
    }),
    textTemplate: t.exposeString('text_template', {
      description: 'How text and metadata are put together: {metadata_str} and {content}.',
    }),
    className: t.exposeString('class_name', { description: 'LlamaIndex’s name for this kind of node.' }),
  }),
})

export const TextNodeWithScore = builder.objectRef<NodeWithScore>('TextNodeWithScore').implement({
  description: 'A source of a block, and how well it matched.',
  fields: (t) => ({
    node: t.expose('node', { type: TextNode, description: 'The source text.' }),
    score: t.exposeFloat('score', {
      nullable: true,
      description: 'How well it matched, on the retriever’s own scale; null when unknown.',
    }),
    className: t.exposeString('class_name', { description: 'LlamaIndex’s name for this kind of result.' }),
  }),
})

const TextNodeInput = builder.inputType('TextNodeInput', {
  description: 'A piece of source text. What is left out gets LlamaIndex’s default.',
  fields: (t) => ({
    id: t.string({
      validate: text,
      description: 'Any text; by default a UUID that follows from the event’s id and the place in its list.',
    }),
    embedding: t.floatList({ description: 'Its vector.' }),
    metadata: t.field({ type: 'JSON', validate: jsonObject, description: 'An object about the text.' }),
    excludedEmbedMetadataKeys: t.stringList({
      validate: z.array(text),
      description: 'Metadata to hide from the embedding model.',
    }),
    excludedLlmMetadataKeys: t.stringList({
      validate: z.array(text),
      description: 'Metadata to hide from the language model.',
    }),
    relationships: t.field({ type: 'JSON', validate: Relationships, description: RELATIONSHIPS }),
    metadataTemplate: t.string({
      validate: text,
      description: 'How to write one metadata entry; "{key}: {value}" by default.',
    }),
    metadataSeparator: t.string({
      validate: text,
      description: 'What to put between metadata entries; a newline by default.',
    }),
    text: t.string({ validate: text, description: 'The text itself; empty by default.' }),
    mimetype: t.string({ validate: text, description: 'The media type of the text; "text/plain" by default.' }),
    startCharIdx: t.int({ description: 'Where it begins in its source, in characters.' }),
    endCharIdx: t.int({ description: 'Where it ends in its source, in characters.' }),
    textTemplate: t.string({
      validate: text,
      description: 'How to put text and metadata together; "{metadata_str}", an empty line and "{content}" by default.',
    }),
    className: t.string({
      validate: text,
      description: 'LlamaIndex’s name for this kind of node; "TextNode" by default.',
    }),
  }),
})

export const TextNodeWithScoreInput = builder.inputType('TextNodeWithScoreInput', {
  description: 'A source of a block, and how well it matched.',
  fields: (t) => ({
    node: t.field({ type: TextNodeInput, required: true, description: 'The source text.' }),
    score: t.float({ description: 'How well it matched, on the retriever’s own scale.' }),
    className: t.string({
      validate: text,
      description: 'LlamaIndex’s name for this kind of result; "TextNodeWithScore" by default.',
    }),
  }),
})

/** @param eventId see defaultNodeId. */
export function toNodeWithScore(
  input: typeof TextNodeWithScoreInput.$inferInput,
  index: number,
  eventId: string,
): NodeWithScore {
  const { node, score, className } = input
  return {
    node: {
      id_: node.id ?? defaultNodeId(index, eventId),
      embedding: node.embedding ?? null,
      extra_info: (node.metadata ?? {}) as TextNodeData['extra_info'],
      excluded_embed_metadata_keys: node.excludedEmbedMetadataKeys ?? [],
      excluded_llm_metadata_keys: node.excludedLlmMetadataKeys ?? [],
      relationships: Relationships.parse(node.relationships ?? {}),
      metadata_template: node.metadataTemplate ?? NODE_DEFAULTS.metadata_template,
      metadata_seperator: node.metadataSeparator ?? NODE_DEFAULTS.metadata_seperator,
      text: node.text ?? '',
      mimetype: node.mimetype ?? NODE_DEFAULTS.mimetype,
      start_char_idx: node.startCharIdx ?? null,
      end_char_idx: node.endCharIdx ?? null,
      text_template: node.textTemplate ?? NODE_DEFAULTS.text_template,
      class_name: node.className ?? NODE_DEFAULTS.class_name,
    },
    score: score ?? null,
    class_name: className ?? SOURCE_CLASS,
  }
}
