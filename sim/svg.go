package sim

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
)

// Sizes in pixels.
const (
	svgWidth  = 640
	svgChart  = 200 // height of a chart with its title and labels
	svgBars   = 130 // height of the longest bar
	svgMargin = 24
)

// svgStyle suits light and dark pages.
const svgStyle = `<style>
text{font:12px sans-serif;fill:#333}.t{font-size:14px;font-weight:bold}.b{fill:#2878b8}.a{stroke:#999}
@media(prefers-color-scheme:dark){text{fill:#ddd}.b{fill:#6cb4ee}.a{stroke:#777}}
</style>`

// SVG draws the charts, one below the other.
func (r *Report) SVG() string {
	var b strings.Builder
	height := svgMargin*2 + svgChart*len(r.Charts)
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d">`+"\n%s\n",
		svgWidth, height, svgWidth, height, svgStyle)
	title := fmt.Sprintf("%s, %d nodes, seed %d", r.Scenario, r.Nodes, r.Seed)
	fmt.Fprintf(&b, `<text class="t" x="%d" y="%d">%s</text>`+"\n", svgMargin, svgMargin, escape(title))
	for i, c := range r.Charts {
		c.draw(&b, svgMargin*2+svgChart*i)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// draw draws a chart with its upper edge at top.
func (c *Chart) draw(b *strings.Builder, top int) {
	most := max(slices.Max(c.Bars), 1e-9)
	bottom := top + 20 + svgBars
	width := float64(svgWidth-2*svgMargin) / float64(len(c.Bars))
	fmt.Fprintf(b, `<text x="%d" y="%d">%s (at most %s)</text>`+"\n", svgMargin, top+12, escape(c.Title), number(most))
	for i, v := range c.Bars {
		x, h := svgMargin+float64(i)*width, v/most*svgBars
		fmt.Fprintf(b, `<rect class="b" x="%.1f" y="%.1f" width="%.1f" height="%.1f"><title>%s</title></rect>`+"\n",
			x, float64(bottom)-h, max(width-1, 0.5), h, number(v))
		if c.Labels[i] != "" {
			fmt.Fprintf(b, `<text x="%.1f" y="%d">%s</text>`+"\n", x, bottom+14, escape(c.Labels[i]))
		}
	}
	fmt.Fprintf(b, `<line class="a" x1="%d" y1="%d" x2="%d" y2="%d"/>`+"\n",
		svgMargin, bottom, svgWidth-svgMargin, bottom)
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n",
		svgWidth-svgMargin, bottom+28, escape(c.Axis))
}

// escape escapes text for XML.
func escape(s string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(s)) // a Builder returns no errors
	return b.String()
}
