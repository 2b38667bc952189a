import { useMemo } from 'preact/hooks'
import { parsePayload } from './parse-payload.ts'
import { TreeNode } from './tree-node.tsx'

/** Payload as a tree, with its numbers as they were written, however long they are. */
export function PayloadTree({ text, search }: { text: string; search: string }) {
  const parsed = useMemo(() => parsePayload(text), [text])
  if (!parsed.ok) return <p class="sub">This payload is shown as text only: {parsed.problem}</p>
  return (
    <div class="tree code">
      <TreeNode value={parsed.value} depth={0} search={search.toLowerCase()} />
    </div>
  )
}
