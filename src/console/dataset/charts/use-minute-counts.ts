import { useEffect, useState } from 'preact/hooks'
import type { Tail } from '../tail.ts'
import { type Group, type Minute, MinuteCounts } from './minute-counts.ts'

/** Events a minute of each group, as long as the component is shown. */
export function useMinuteCounts(tail: Tail, groups: readonly Group[]): readonly Minute[] {
  const [counts, setCounts] = useState<MinuteCounts | undefined>()
  const key = JSON.stringify(groups)
  useEffect(() => {
    const opened = new MinuteCounts(tail, groups)
    setCounts(opened)
    return () => opened.close()
  }, [tail, key])
  return counts?.minutes.value ?? []
}
