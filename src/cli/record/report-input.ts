import { reportDataOf, type TextNodeWithScore } from '../../log/report/report-data.ts'

/**
 * The event that "tidemark tail" has printed as `eventData`, as ReportEventInput. Members that this lacks stay, so that
 * the server rejects them. @throws CodedError BAD_USER_INPUT if it is no event of a report.
 */
export function reportInput(eventData: unknown, id: string): object {
  const data = reportDataOf(eventData, id, 'eventData')
  switch (data.type) {
    case 'progress': {
      const { type, variant, msg, status, group_id: groupId, extra_detail: extraDetail, ...others } = data
      const named = { variant: variant.toUpperCase(), message: msg, status: status.toUpperCase(), groupId, extraDetail }
      return { progress: { id, ...named, ...others } }
    }
    case 'report_block_update': {
      const { type, msg, block, ...others } = data
      const { requires_human_review: requiresHumanReview, sources, ...content } = block
      const named = { ...content, requiresHumanReview, sources: sources.map(sourceInput) }
      return { blockUpdate: { id, message: msg, block: named, ...others } }
    }
    case 'report_state_update': {
      const { type, msg, status, ...others } = data
      return { state: { id, message: msg, state: status.toUpperCase(), ...others } }
    }
  }
}

function sourceInput({ node, ...others }: TextNodeWithScore): object {
  return { ...renamed(others), node: renamed(node) }
}

/** GraphQL's names of members that are not LlamaIndex's in camel case. */
const NAMES: Readonly<Record<string, string>> = {
  id_: 'id',
  extra_info: 'metadata',
  metadata_seperator: 'metadataSeparator',
}

function renamed(members: object): object {
  const camel = (name: string) => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
  return Object.fromEntries(Object.entries(members).map(([name, value]) => [NAMES[name] ?? camel(name), value]))
}
