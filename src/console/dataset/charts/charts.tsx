import { useEffect, useState } from 'preact/hooks'
import { formatNumber, isFailure, lower } from '../../ui/format.ts'
import type { EventType } from '../event-row.ts'
import type { Tail } from '../tail.ts'
import { DeliveryLag } from './delivery-lag.ts'
import LineChart from './line-chart.tsx'
import { useMinuteCounts } from './use-minute-counts.ts'

/** Types with a line of their own, the most frequent first; failures have one each beside them. */
const SHOWN = 5

/** Events a minute by type, from the counters of the server, and how long they take to arrive here. */
export default function Charts({ tail }: { tail: Tail }) {
  const types = useShownTypes(tail)
  const minutes = useMinuteCounts(
    tail,
    types.map((type) => [type]),
  )
  const lines = types.map((type, index) => ({
    label: lower(type),
    isFailure: isFailure(type),
    values: minutes.map(({ counts }) => counts[index] ?? 0),
  }))
  return (
    <section class="charts" aria-label="Charts">
      <figure>
        <LineChart
          label={`Events a minute by type: ${lines.map(({ label, values }) => `${label} ${sum(values)}`).join(', ')}`}
          times={minutes.map(({ start }) => start)}
          lines={lines}
          format={formatNumber}
        />
        <figcaption>Events a minute by type, last half hour, counted by the server.</figcaption>
      </figure>
      <Lag tail={tail} />
    </section>
  )
}

function Lag({ tail }: { tail: Tail }) {
  const [lag, setLag] = useState<DeliveryLag | undefined>()
  useEffect(() => {
    const opened = new DeliveryLag(tail)
    setLag(opened)
    return opened.close
  }, [tail])
  const deliveries = lag?.deliveries.value ?? []
  const values = deliveries.map(({ lag }) => lag)
  const count = deliveries.length === 1 ? '1 batch' : `${deliveries.length} batches`
  const isAhead = values.some((value) => value < 0)
  return (
    <figure>
      <LineChart
        label={`Delivery lag of ${count} of events, in milliseconds`}
        times={deliveries.map(({ at }) => at)}
        lines={[{ label: 'lag', values }]}
        format={(value) => `${formatNumber(Math.round(value))} ms`}
      />
      <figcaption>
        {deliveries.length === 0
          ? 'From the recording of an event to its arrival here: begins with the next event.'
          : 'From the recording of an event to its arrival here, by the clocks of the database and of this computer.'}
        {isAhead && ' The clock of this computer is behind.'}
      </figcaption>
    </figure>
  )
}

// Not of those that are most frequent at the moment: lines would come and go.
function useShownTypes(tail: Tail): readonly EventType[] {
  const counts = tail.counters.value.types
  const byCount = [...counts].filter(([, count]) => count > 0).sort(([, a], [, b]) => b - a)
  const [shown, setShown] = useState<readonly EventType[]>([])
  const failures = byCount.map(([type]) => type).filter(isFailure)
  const others = byCount.map(([type]) => type).filter((type) => !isFailure(type))
  const room = SHOWN - shown.filter((type) => !isFailure(type)).length
  const added = [...others.filter((type) => !shown.includes(type)).slice(0, Math.max(0, room)), ...failures].filter(
    (type) => !shown.includes(type),
  )
  useEffect(() => {
    if (added.length > 0) setShown([...shown, ...added])
  }, [added.join()])
  return shown
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
