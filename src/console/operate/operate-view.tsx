import './operate.css'
import type { JSX } from 'preact'
import { organization } from '../session/organization.ts'
import { mayAdminister } from '../session/viewer.ts'
import { Audit } from './audit.tsx'
import { Connections } from './connections.tsx'
import { Health } from './health.tsx'
import { Keys } from './keys.tsx'
import { Retention } from './retention.tsx'

const PAGES: Readonly<Record<string, { title: string; Page: (props: { organizationId: string }) => JSX.Element }>> = {
  connections: { title: 'Live readers', Page: Connections },
  keys: { title: 'Keys', Page: Keys },
  retention: { title: 'Retention', Page: Retention },
  audit: { title: 'Audit', Page: Audit },
  health: { title: 'Health', Page: Health },
}

export default function OperateView({ page }: { page: string }) {
  const { title, Page } = PAGES[page] ?? {}
  const { id } = organization.value ?? {}
  if (!title || !Page) return <p class="loading">There is no such page.</p>
  if (!mayAdminister.value) return <p class="loading">This needs a key with the role ADMIN of an organization.</p>
  if (!id) return <p class="loading">There is no organization yet.</p>
  return (
    <div class="body operate">
      <h1>{title}</h1>
      <Page key={id} organizationId={id} />
    </div>
  )
}
