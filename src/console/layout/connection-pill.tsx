import { type ConnectionState, connection, connectionState } from '../api/connection.ts'
import { formatNumber } from '../ui/format.ts'

export function ConnectionPill() {
  const state = connectionState.value
  const { kind } = state
  const content = (
    <>
      <i class="dot" aria-hidden="true" />
      <span role="status" data-testid="connection">
        {wordsFor(state)}
      </span>
    </>
  )
  if (kind !== 'reconnecting') return <span class={`pill ${kind}`}>{content}</span>
  return (
    <button type="button" class={`pill ${kind}`} onClick={connection.retryNow} title="Try again now">
      {content}
    </button>
  )
}

function wordsFor(state: ConnectionState): string {
  switch (state.kind) {
    case 'idle':
      return 'Nothing followed'
    case 'connecting':
      return 'Connecting …'
    case 'reconnecting':
      return 'Reconnecting …'
    case 'catching-up':
      return `Catching up · ${formatNumber(state.behind)} behind`
    case 'live':
      return 'Live · caught up'
  }
}
