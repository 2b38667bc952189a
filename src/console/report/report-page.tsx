import { useEffect, useMemo, useState } from 'preact/hooks'
import { ContinuityNote } from '../layout/continuity-note.tsx'
import { useQuery } from '../ui/address.ts'
import { CopyButton } from '../ui/copy-button.tsx'
import { Failure } from '../ui/failure.tsx'
import { formatNumber, formatTime } from '../ui/format.ts'
import { now } from '../ui/now.ts'
import { BlockCard } from './block-card.tsx'
import type { LiveReport } from './live-report.ts'
import { Operations } from './operations.tsx'
import { Replay } from './replay.ts'
import { sortedBlocks } from './report-state.ts'
import { Scrubber } from './scrubber.tsx'
import { SidePanel } from './side-panel.tsx'
import { Stepper } from './stepper.tsx'

export function ReportPage({ live }: { live: LiveReport }) {
  const { query } = useQuery()
  const replay = useMemo(() => new Replay(live), [live])
  const [chosen, choose] = useState<number | undefined>()
  const at = Number(query.at ?? query.event)
  useEffect(() => {
    if (Number.isSafeInteger(at) && at > 0) void replay.seek(at)
    return () => replay.pause()
  }, [replay, at])
  const { id, name, createdAt } = live.report
  const state = replay.shown.value ?? live.state.value
  const blocks = sortedBlocks(state)
  const newest = blocks.reduce<(typeof blocks)[number] | undefined>((a, b) => (a && a.seq > b.seq ? a : b), undefined)
  const selected = blocks.find(({ block }) => block.idx === chosen) ?? newest
  const error = live.error.value ?? replay.error.value
  return (
    <div class="split has-panel report">
      <section class="column" aria-label="Report">
        <header class="head">
          <div class="title">
            <h1>{name ?? id}</h1>
            <p class="sub">
              report{' '}
              <code title={id}>
                {id.slice(0, 8)}…{id.slice(-4)}
              </code>{' '}
              · created {formatTime(createdAt, now.peek())} · #{formatNumber(state.seq)} ·{' '}
              <CopyButton text={id} label="copy" class="link" />
            </p>
          </div>
          <Stepper state={state} />
        </header>
        {state.state?.state === 'ERROR' && (
          <div class="failure">
            <p>{state.state.message || 'The report failed.'}</p>
          </div>
        )}
        {error && <Failure error={error} onRetry={() => location.reload()} />}
        <div class="body" data-testid="report-body">
          <Operations state={state} />
          {blocks.map((update) => (
            <BlockCard
              key={update.block.idx}
              update={update}
              isSelected={update === selected}
              onSelect={() => choose(update.block.idx)}
            />
          ))}
          {blocks.length === 0 && <p class="sub">No block has been written yet.</p>}
          <ContinuityNote continuity={live.continuity} />
        </div>
        <Scrubber live={live} replay={replay} />
      </section>
      <SidePanel live={live} state={state} block={selected} onSeek={(seq) => void replay.seek(seq)} />
    </div>
  )
}
