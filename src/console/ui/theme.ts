import { effect, signal } from '@preact/signals'

export type Theme = 'system' | 'light' | 'dark'

const STORED = 'tidemark.theme'
const THEMES: readonly Theme[] = ['system', 'light', 'dark']

export const theme = signal<Theme>(THEMES.find((name) => name === localStorage.getItem(STORED)) ?? 'system')

/** Colours are `light-dark()` pairs, so the scheme of the root decides on all of them. */
export function applyTheme(): void {
  effect(() => {
    document.documentElement.style.colorScheme = theme.value === 'system' ? 'light dark' : theme.value
    localStorage.setItem(STORED, theme.value)
  })
}

export function nextTheme(): void {
  theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? 'system'
}
