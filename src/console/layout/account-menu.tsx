import { signOut } from '../session/key.ts'
import { chooseOrganization, organization, organizations } from '../session/organization.ts'
import { isRestricted, type Viewer, viewer } from '../session/viewer.ts'
import { formatCount } from '../ui/format.ts'
import { Popover } from '../ui/popover.tsx'

export function AccountMenu() {
  const current = viewer.value
  if (!current) return null
  const label = [organization.value?.name, current.isRoot ? 'root' : current.role].filter(Boolean).join(' · ')
  return (
    <Popover label={<span class="account">{label}</span>}>
      {(close) => (
        <div class="stack">
          {(organizations.value?.length ?? 0) > 1 && (
            <label>
              Organization
              <select
                value={organization.value?.id}
                onChange={(event) => {
                  chooseOrganization(event.currentTarget.value)
                  close()
                }}
              >
                {organizations.value?.map(({ id, name }) => (
                  <option key={id} value={id}>
                    {name}
                  </option>
                ))}
              </select>
            </label>
          )}
          <p class="sub">{describe(current)}</p>
          <p class="sub">Each browser tab has a key of its own: open another tab to use another key beside this one.</p>
          <button type="button" class="button" onClick={() => signOut()}>
            Sign out
          </button>
        </div>
      )}
    </Popover>
  )
}

const RIGHTS = {
  READ: 'reads events',
  WRITE: 'reads and records events, and creates datasets and reports',
  ADMIN: 'reads and records events, creates datasets, reports and keys, and operates',
} as const

function describe({ isRoot, role, name, datasetIds, reportIds, expiresAt }: Viewer): string {
  if (isRoot) return 'The root key can do everything, in every organization.'
  const which = isRestricted.value
    ? `It is restricted to ${formatCount(datasetIds.length, 'dataset')} and ${formatCount(reportIds.length, 'report')}.`
    : ''
  const until = expiresAt === null ? '' : `It expires at ${expiresAt}.`
  return [`The key ${name ? `“${name}” ` : ''}${RIGHTS[role]}.`, which, until].filter(Boolean).join(' ')
}
