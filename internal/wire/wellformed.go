package wire

// WellFormed reports whether a datagram has the form of a request or of an answer, and
// returns its kind. It accepts unknown procedures and results, so that a relay need not
// know procedures of the future. A request is [name, [argument, ...]], an answer is one
// value, and nothing or one map follows either. All values are as Valid has them.
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
