import { SETTING_GROUPS, SETTINGS } from '../config.ts'

/** All settings, each in a line, for the help of the server. */
export function describeSettings(): string {
  const groups = Object.entries(SETTING_GROUPS).map(([title, settings]) => {
    const lines = Object.entries(settings).map(([name, setting]) => {
      const { data: value } = setting.safeParse(undefined)
      const standard = typeof value === 'string' || typeof value === 'number' ? ` (default: ${value})` : ''
      return `  ${name.padEnd(WIDTH)}  ${setting.description ?? ''}${standard}`
    })
    return `${title}:\n${lines.join('\n')}`
  })
  return `\nSettings, from the environment (docs/settings.md explains them):\n\n${groups.join('\n\n')}`
}

const WIDTH = Math.max(...SETTINGS.map((name) => name.length))

/** Adds to an error of the command line which setting an unknown option stands for. */
export function settingHint(message: string): string {
  const [, option = ''] = /unknown option '--([\w-]+)/.exec(message) ?? []
  const setting = option.toUpperCase().replaceAll('-', '_')
  return SETTINGS.includes(setting) ? `${message}\nSet ${setting} in the environment instead: ${setting}=…` : message
}
