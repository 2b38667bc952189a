import { formatNumber, formatTime } from '../ui/format.ts'
import { now } from '../ui/now.ts'
import type { LiveReport } from './live-report.ts'
import { PositionSlider } from './position-slider.tsx'
import type { Replay } from './replay.ts'

const SPEEDS = [1, 2, 10, 60]

export function Scrubber({ live, replay }: { live: LiveReport; replay: Replay }) {
  const present = live.state.value
  const shown = replay.shown.value
  const { seq, at } = shown ?? present
  const isPlaying = replay.isPlaying.value
  const first = Math.max(0, live.report.firstSeq - 1)
  const play = async () => {
    if (isPlaying) return replay.pause()
    if (!shown || shown.seq >= present.seq) await replay.seek(first)
    replay.play()
  }
  return (
    <div class="scrubber" role="group" aria-label="Replay">
      <button type="button" class="button" aria-label={isPlaying ? 'Pause' : 'Play from here'} onClick={play}>
        {isPlaying ? '❚❚' : '▶'}
      </button>
      <select
        aria-label="Speed"
        value={replay.speed.value}
        onChange={(event) => {
          replay.speed.value = Number(event.currentTarget.value)
        }}
      >
        {SPEEDS.map((speed) => (
          <option key={speed} value={speed}>
            {speed}×
          </option>
        ))}
      </select>
      <PositionSlider
        live={live}
        seq={seq}
        onSeek={(position) => {
          replay.pause()
          void replay.seek(position)
        }}
      />
      <span class="where" data-testid="replay-position">
        #{formatNumber(seq)}
        {at !== undefined && ` · ${formatTime(at, now.peek())}`}
      </span>
      <button type="button" class="button" aria-pressed={shown === undefined} onClick={() => replay.toLive()}>
        Live
      </button>
    </div>
  )
}
