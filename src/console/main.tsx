import { render } from 'preact'
import { App } from './app.tsx'
import './styles/base.css'
import './styles/layout.css'
import { applyTheme } from './ui/theme.ts'

applyTheme()
render(<App />, document.body)
