import { useEffect, useState } from 'preact/hooks'
import { ApiError, asApiError } from '../api/api-error.ts'
import type { ResultOf } from '../api/graphql.ts'
import { request } from '../api/request.ts'
import { PayloadView } from '../event/payload-view.tsx'
import { CopyButton } from '../ui/copy-button.tsx'
import { Failure } from '../ui/failure.tsx'
import { formatBytes, formatExactTime, formatNumber, isFailure, lower } from '../ui/format.ts'
import { cursorAt } from './cursor-at.ts'
import { EVENT, PAYLOAD } from './documents.ts'
import { snippetsOf } from './snippets.ts'
import type { Tail } from './tail.ts'

type Opened = ResultOf<typeof EVENT>['workerEvents']['edges'][number] & { before: string }

export function EventPanel({ tail, seq, onClose }: { tail: Tail; seq: number; onClose(): void }) {
  const [opened, setOpened] = useState<Opened | undefined>()
  const [error, setError] = useState<ApiError | undefined>()
  const [attempt, setAttempt] = useState(0)
  const { id } = tail.dataset
  useEffect(() => {
    let isOver = false
    setError(undefined)
    loadEvent(id, seq).then(
      (event) => !isOver && setOpened(event),
      (failure: unknown) => !isOver && setError(asApiError(failure)),
    )
    return () => {
      isOver = true
    }
  }, [id, seq, attempt])
  const heading = opened ? lower(opened.node.eventType) : `#${formatNumber(seq)}`
  return (
    <aside class="panel" aria-label="Event">
      <div class="panel-head">
        <h2 class={opened && isFailure(opened.node.eventType) ? 'bad' : ''}>{heading}</h2>
        <span class="grow" />
        <CopyButton text={() => location.href} label="Copy link" />
        <button type="button" class="button" aria-label="Close the event" onClick={onClose}>
          ✕
        </button>
      </div>
      {error ? (
        <Failure error={error} onRetry={() => setAttempt(attempt + 1)} />
      ) : (
        !opened && <p class="sub">Loading …</p>
      )}
      {opened && <Facts opened={opened} />}
      {opened &&
        (opened.node.redactedAt === null ? (
          <PayloadView
            size={opened.node.eventDataSize}
            preview={opened.node.eventDataPreview}
            loadAll={() => loadPayload(id, opened)}
            snippets={snippetsOf(tail, opened)}
          />
        ) : (
          <p class="sub">The payload was removed {formatExactTime(opened.node.redactedAt)}.</p>
        ))}
    </aside>
  )
}

function Facts({ opened: { cursor, node } }: { opened: Opened }) {
  return (
    <dl class="facts">
      <dt>position</dt>
      <dd>#{formatNumber(node.seq)}</dd>
      <dt>recorded</dt>
      <dd>{formatExactTime(node.createdAt)}</dd>
      <dt>id</dt>
      <dd title={node.id}>{node.id}</dd>
      <dt>size</dt>
      <dd>{formatBytes(node.eventDataSize)}</dd>
      <dt>cursor</dt>
      <dd title={cursor}>
        <CopyButton text={cursor} label={`${cursor.slice(0, 24)}…`} class="link" />
      </dd>
    </dl>
  )
}

async function loadEvent(id: string, seq: number): Promise<Opened> {
  try {
    const before = await cursorAt(id, seq - 1)
    const { workerEvents } = await request(EVENT, { id, after: before })
    const [edge] = workerEvents.edges
    if (edge?.node.seq === seq) return { ...edge, before }
  } catch (error) {
    // Positions that no event has had yet, and those of removed events.
    if (!asApiError(error).code.startsWith('CURSOR_')) throw error
  }
  throw new ApiError('There is no event at this position.', 'NOT_FOUND')
}

async function loadPayload(id: string, { before }: Opened): Promise<string> {
  const { workerEvents } = await request(PAYLOAD, { id, after: before })
  return workerEvents.nodes[0]?.eventDataText ?? ''
}
