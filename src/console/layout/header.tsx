import { nextTheme, theme } from '../ui/theme.ts'
import { AccountMenu } from './account-menu.tsx'
import { ConnectionPill } from './connection-pill.tsx'
import { openHelp } from './help-dialog.tsx'
import { Logo } from './logo.tsx'
import { Search } from './search.tsx'
import { isSidebarOpen } from './sidebar.tsx'

export function Header() {
  return (
    <header class="top">
      <button
        type="button"
        class="button narrow-only"
        aria-label="Datasets and reports"
        aria-expanded={isSidebarOpen.value}
        onClick={() => {
          isSidebarOpen.value = !isSidebarOpen.value
        }}
      >
        ☰
      </button>
      <a class="brand" href="/" aria-label="Tidemark">
        <Logo /> <span>Tidemark</span>
      </a>
      <Search />
      <span class="grow" />
      <ConnectionPill />
      <AccountMenu />
      <button type="button" class="button wide-only" aria-label="Help" onClick={openHelp}>
        ?
      </button>
      <button
        type="button"
        class="button"
        aria-label={`Theme: ${theme.value}`}
        title={`Theme: ${theme.value}`}
        onClick={nextTheme}
      >
        ◐
      </button>
    </header>
  )
}
