package limit

import "time"

// answerTime is how long a client may take to answer a request. A Python node waits
// 5 s for an answer.
const answerTime = 10 * time.Second

// owedAnswers holds the numbers of requests that a client got and has not answered.
// It has a fixed size: the last four requests are known for each value of a number's
// last byte.
type owedAnswers [256][4]uint32

func (o *owedAnswers) add(msg uint64) {
	set := &o[byte(msg)]
	copy(set[1:], set[:])
	set[0] = uint32(msg >> 32)
}

// settle reports whether the client owes an answer to msg, and forgets the request.
func (o *owedAnswers) settle(msg uint64) bool {
	if o == nil {
		return false
	}
	set := &o[byte(msg)]
	for i, m := range set {
		if m == uint32(msg>>32) && m != 0 {
			copy(set[i:], set[i+1:])
			set[len(set)-1] = 0
			return true
		}
	}
	return false
}
