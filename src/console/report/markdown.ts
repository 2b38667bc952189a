import DOMPurify from 'dompurify'
import { Marked } from 'marked'

/** References such as [1], to the sources of the block. */
const citation = {
  name: 'citation',
  level: 'inline' as const,
  start: (text: string) => text.match(/\[\d/)?.index,
  tokenizer(text: string) {
    const match = /^\[(\d{1,3})\](?![(:[])/.exec(text)
    return match ? { type: 'citation', raw: match[0], number: match[1] } : undefined
  },
  renderer: ({ number }: { number?: string }) => `<sup>[${number}]</sup>`,
}

const marked = new Marked({ gfm: true, async: false }).use({ extensions: [citation as never] })

/** Replaces the content of an element. Reports are written by models and from documents: nothing in them can run. */
export function renderMarkdown(element: HTMLElement, text: string): void {
  const html = marked.parse(text) as string
  const clean = DOMPurify.sanitize(html, {
    RETURN_TRUSTED_TYPE: true,
    USE_PROFILES: { html: true },
    FORBID_TAGS: [
      'style',
      'form',
      'input',
      'button',
      'textarea',
      'select',
      'img',
      'video',
      'audio',
      'source',
      'picture',
    ],
    FORBID_ATTR: ['style', 'id', 'class', 'name'],
  })
  element.innerHTML = clean as unknown as string
  for (const link of element.querySelectorAll('a')) {
    link.target = '_blank'
    link.rel = 'noreferrer noopener'
  }
  // Wide ones scroll, by keyboard too.
  for (const wide of element.querySelectorAll<HTMLElement>('table, pre')) wide.tabIndex = 0
}
