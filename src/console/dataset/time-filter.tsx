import { Popover } from '../ui/popover.tsx'
import type { Filter } from './filter.ts'

const PRESETS: readonly [label: string, minutes: number][] = [
  ['Last 15 minutes', 15],
  ['Last hour', 60],
  ['Last day', 1_440],
  ['Last week', 10_080],
]

interface Props {
  filter: Filter
  onChange(filter: Filter): void
}

export function TimeFilter({ filter, onChange }: Props) {
  const { since, until } = filter
  const label = since || until ? `${since ? short(since) : '…'} – ${until ? short(until) : 'now'}` : 'Any time'
  return (
    <Popover label={label}>
      {(close) => {
        const choose = (range: Pick<Filter, 'since' | 'until'>) => {
          close()
          onChange({ ...filter, ...range })
        }
        const submit = (event: SubmitEvent) => {
          event.preventDefault()
          const form = new FormData(event.currentTarget as HTMLFormElement)
          choose({ since: toTime(form.get('since')), until: toTime(form.get('until')) })
        }
        return (
          <form class="stack" onSubmit={submit}>
            <button type="button" class="button" onClick={() => choose({ since: undefined, until: undefined })}>
              Any time
            </button>
            {PRESETS.map(([text, minutes]) => (
              <button
                key={text}
                type="button"
                class="button"
                onClick={() =>
                  choose({ since: new Date(Date.now() - minutes * 60_000).toISOString(), until: undefined })
                }
              >
                {text}
              </button>
            ))}
            <label>
              From <input type="datetime-local" name="since" step="1" defaultValue={toLocal(since)} />
            </label>
            <label>
              Before <input type="datetime-local" name="until" step="1" defaultValue={toLocal(until)} />
            </label>
            <button type="submit" class="button primary">
              Show this range
            </button>
          </form>
        )
      }}
    </Popover>
  )
}

function toTime(value: FormDataEntryValue | null): string | undefined {
  return value ? new Date(String(value)).toISOString() : undefined
}

// The value of such a field is in the zone of the reader and has no zone.
function toLocal(text: string | undefined): string | undefined {
  if (!text) return undefined
  const at = new Date(text)
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19)
}

function short(text: string): string {
  return new Date(text).toLocaleString('sv').slice(0, 16)
}
