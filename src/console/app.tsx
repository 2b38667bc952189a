import { useEffect, useState } from 'preact/hooks'
import { ErrorBoundary, LocationProvider, lazy, Route, Router } from 'preact-iso'
import { type ApiError, asApiError } from './api/api-error.ts'
import { Home } from './home/home.tsx'
import { Header } from './layout/header.tsx'
import { HelpDialog } from './layout/help-dialog.tsx'
import { Sidebar } from './layout/sidebar.tsx'
import { key } from './session/key.ts'
import { loadOrganizations, organizations } from './session/organization.ts'
import { loadViewer, viewer } from './session/viewer.ts'
import { SignIn } from './sign-in/sign-in.tsx'
import { Failure } from './ui/failure.tsx'

const DatasetView = lazy(() => import('./dataset/dataset-view.tsx'))
const ReportView = lazy(() => import('./report/report-view.tsx'))
const OperateView = lazy(() => import('./operate/operate-view.tsx'))

export function App() {
  const current = key.value
  const [error, setError] = useState<ApiError | undefined>()
  const open = () => {
    setError(undefined)
    loadViewer()
      .then(loadOrganizations)
      .catch((failure: unknown) => setError(asApiError(failure)))
  }
  useEffect(() => {
    if (current !== undefined) open()
  }, [current])
  if (current === undefined) return <SignIn />
  if (error) return <Failure error={error} onRetry={open} />
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

function NotFound() {
  return <p class="loading">There is no such page.</p>
}
