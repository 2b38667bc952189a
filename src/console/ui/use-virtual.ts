import {
  elementScroll,
  observeElementOffset,
  observeElementRect,
  type VirtualItem,
  Virtualizer,
} from '@tanstack/virtual-core'
import type { RefObject } from 'preact'
import { useLayoutEffect, useReducer, useRef, useState } from 'preact/hooks'

interface Options {
  scroller: RefObject<HTMLElement | null>
  count: number
  /** Height of each row, in CSS pixels. */
  rowHeight: number
  keyOf(index: number): string | number
}

/** The rows to draw. When rows are added or dropped above, the row at the top of the view stays where it is. */
export function useVirtual({ scroller, count, rowHeight, keyOf }: Options): {
  items: VirtualItem[]
  height: number
  list: Virtualizer<HTMLElement, HTMLElement>
} {
  const [, redraw] = useReducer((drawn: number) => drawn + 1, 0)
  const options = {
    count,
    estimateSize: () => rowHeight,
    getScrollElement: () => scroller.current,
    getItemKey: keyOf,
    overscan: 12,
    observeElementRect,
    observeElementOffset,
    scrollToFn: elementScroll,
    onChange: () => redraw(undefined),
  }
  const [list] = useState(() => new Virtualizer<HTMLElement, HTMLElement>(options))
  list.setOptions(options)
  const height = useRef(rowHeight)
  if (height.current !== rowHeight) {
    height.current = rowHeight
    list.measure()
  }
  useLayoutEffect(() => list._didMount(), [list])
  useLayoutEffect(() => list._willUpdate())
  return { items: list.getVirtualItems(), height: list.getTotalSize(), list }
}
