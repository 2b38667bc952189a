import { useState } from 'preact/hooks'
import { type ApiError, asApiError } from '../api/api-error.ts'
import { CopyButton } from '../ui/copy-button.tsx'
import { Failure } from '../ui/failure.tsx'
import { formatBytes } from '../ui/format.ts'
import { Tabs } from '../ui/tabs.tsx'
import { PayloadTree } from './payload-tree.tsx'
import { type Snippet, SnippetView } from './snippet-view.tsx'
import { TextView } from './text-view.tsx'

interface Props {
  /** Of the whole payload, in bytes. */
  size: number
  preview: string
  loadAll(): Promise<string>
  snippets: readonly Snippet[]
}

/** A payload as a tree and as text; a large one begins with a preview, and is loaded on request. */
export function PayloadView({ size, preview, loadAll, snippets }: Props) {
  const [text, setText] = useState(preview)
  const [search, setSearch] = useState('')
  const [turn, setTurn] = useState(0)
  const [error, setError] = useState<ApiError | undefined>()
  const isWhole = text.length >= size || new TextEncoder().encode(text).length >= size
  const [tab, setTab] = useState(isWhole ? 'Tree' : 'Text')
  const load = () => loadAll().then(setText, (failure: unknown) => setError(asApiError(failure)))
  const isPayload = tab === 'Tree' || tab === 'Text'
  return (
    <>
      {!isWhole && (
        <p class="notice" data-testid="preview">
          The first {formatBytes(new TextEncoder().encode(text).length)} of {formatBytes(size)}.{' '}
          <button type="button" class="button" onClick={load}>
            Load all
          </button>
        </p>
      )}
      {error && <Failure error={error} onRetry={load} />}
      {isPayload && (
        <div class="payload-tools">
          <input
            type="search"
            aria-label="Search the payload"
            placeholder="Search the payload"
            value={search}
            onInput={(event) => {
              setSearch(event.currentTarget.value)
              setTurn(0)
            }}
            onKeyDown={(event) => event.key === 'Enter' && setTurn(turn + 1)}
          />
          <CopyButton text={text} label={isWhole ? 'Copy' : 'Copy preview'} />
        </div>
      )}
      <Tabs
        label="Forms of the event"
        chosen={tab}
        onChoose={setTab}
        tabs={[
          {
            name: 'Tree',
            content: () =>
              isWhole ? (
                <PayloadTree text={text} search={search} />
              ) : (
                <p class="sub">A tree needs the whole payload.</p>
              ),
          },
          { name: 'Text', content: () => <TextView text={text} search={search} turn={turn} /> },
          ...snippets.map(({ name, text: code }) => ({
            name,
            content: () => <SnippetView text={code} />,
          })),
        ]}
      />
    </>
  )
}
