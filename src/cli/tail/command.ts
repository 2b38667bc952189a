import type { Config } from '../../config.ts'
import { listenForInterrupt } from '../interrupt-signal.ts'
import { connectToRemote, explained, type RemoteOptions } from '../remote.ts'
import { onReaderGone, printJsonLine, printParts } from '../terminal.ts'
import { DATASET_FIELDS, jsonOf, type Node, partsOf, REPORT_FIELDS } from './event-text.ts'

export interface TailOptions extends RemoteOptions {
  dataset?: string
  report?: string
  last: number
  after?: string
  type?: string[]
  json?: boolean
}

/** Prints the newest events of a stream, then new ones until it is stopped or the report ends. @throws StartError */
export async function runTail(config: Config, options: TailOptions): Promise<void> {
  const { dataset, report, last, after, type, json } = options
  using interrupt = listenForInterrupt()
  await using client = await connectToRemote(config, options)
  const start = { tail: last, after, types: type, kinds: type, fields: fieldsOf(options) }
  const follow = client.follow<Node>(
    (dataset === undefined ? { reportId: report, ...start } : { datasetId: dataset, ...start }) as never,
  )
  const stop = () => void follow.return()
  interrupt.signal.addEventListener('abort', stop)
  using _leaving = onReaderGone(stop)
  const print = async () => {
    for await (const { edges } of follow)
      for (const { node, cursor } of edges)
        await (json ? printJsonLine(jsonOf(node, cursor)) : printParts(partsOf(node)))
  }
  await explained(print())
}

function fieldsOf({ dataset, json }: TailOptions): string {
  const fields = dataset === undefined ? REPORT_FIELDS : DATASET_FIELDS
  return json ? fields.json : fields.text
}
