package wire

// WellFormed reports whether a datagram has the form of a request or of an
// answer, and of which. It asks for no particular procedure or result, so that
// whoever passes datagrams on need not know those that are yet to come: a
// request is [name, [argument, ...]], an answer any one value, and behind either
// there is nothing, or one map.
func (p *Parser) WellFormed(datagram []byte) (Kind, bool) {
	kind, _, body, err := Header(datagram)
	if err != nil {
		return 0, false
	}
	p.reset(body)
	if kind == KindRequest {
		if n, ok := p.arrayLen(); !ok || n != 2 || !isStr(p.in.peek()) {
			return 0, false
		}
		if _, ok := p.value(); !ok || !isArray(p.in.peek()) {
			return 0, false
		}
	}
	if _, ok := p.value(); !ok {
		return 0, false
	}
	if p.in.len() == 0 {
		return kind, true
	}
	if !isMap(p.in.peek()) {
		return 0, false
	}
	_, ok := p.value()
	return kind, ok && p.in.len() == 0
}
