// Draws a Vega-Lite specification, on standard input, as SVG on standard output.
import { text } from 'node:stream/consumers'
import * as vega from 'vega'
import * as vegaLite from 'vega-lite'

const { spec } = vegaLite.compile(JSON.parse(await text(process.stdin)))
console.log(await new vega.View(vega.parse(spec), { renderer: 'none' }).toSVG())
