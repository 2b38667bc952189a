import { useEffect } from 'preact/hooks'
import { ErrorBoundary, LocationProvider, lazy, Route, Router } from 'preact-iso'
import { Home } from './home/home.tsx'
import { Header } from './layout/header.tsx'
import { HelpDialog } from './layout/help-dialog.tsx'
import { Sidebar } from './layout/sidebar.tsx'
import { key } from './session/key.ts'
import { loadOrganizations, organizations } from './session/organization.ts'
import { loadViewer, viewer } from './session/viewer.ts'
import { SignIn } from './sign-in/sign-in.tsx'

const DatasetView = lazy(() => import('./dataset/dataset-view.tsx'))
const ReportView = lazy(() => import('./report/report-view.tsx'))
const OperateView = lazy(() => import('./operate/operate-view.tsx'))

/** Everything but the form for the key needs a key: nothing is shown without one. */
export function App() {
  const hasKey = key.value !== undefined
  useEffect(() => {
    if (hasKey && !viewer.value) void open()
  }, [hasKey])
  if (!hasKey) return <SignIn />
  if (!viewer.value || !organizations.value) return <p class="loading">Loading …</p>
  return (
    <LocationProvider>
      <div class="app">
        <Header />
        <Sidebar />
        <main>
          <ErrorBoundary>
            <Router>
              <Route path="/" component={Home} />
              <Route path="/datasets/:id" component={DatasetView} />
              <Route path="/reports/:id" component={ReportView} />
              <Route path="/operate/:page" component={OperateView} />
              <Route default component={NotFound} />
            </Router>
          </ErrorBoundary>
        </main>
        <HelpDialog />
      </div>
    </LocationProvider>
  )
}

// A key that was stored before may no longer work: then the form is shown again, and says so.
async function open(): Promise<void> {
  await loadViewer()
  await loadOrganizations()
}

function NotFound() {
  return <p class="loading">There is no such page.</p>
}
