package wire

import (
	"net/netip"
	"unsafe"

	"github.com/vmihailenco/msgpack/v5"
)

// Writer appends datagrams to a slice. It is scratch space for one goroutine at a time.
// It allocates only to grow the slice.
//
// The encoder writes to memory, so its errors are ignored.
type Writer struct {
	out     buffer
	enc     *msgpack.Encoder
	scratch [64]byte
}

// NewWriter returns an empty writer.
func NewWriter() *Writer {
	w := new(Writer)
	w.enc = msgpack.NewEncoder(&w.out)
	return w
}

// Request appends a request. It does not check the length of the value.
func (w *Writer) Request(dst []byte, r *Request) []byte {
	w.begin(dst, KindRequest, &r.Msg)
	w.enc.EncodeArrayLen(2)
	w.enc.EncodeString(r.Method.String())
	switch r.Method {
	case Stun:
		w.enc.EncodeArrayLen(0)
	case Ping:
		w.enc.EncodeArrayLen(1)
		w.id(&r.Sender)
	case Store:
		w.enc.EncodeArrayLen(3)
		w.id(&r.Sender)
		w.id(&r.Target)
		w.out.Write(r.Value)
	default:
		w.enc.EncodeArrayLen(2)
		w.id(&r.Sender)
		w.id(&r.Target)
	}
	return w.end(&r.Trailer)
}

// Pong appends the answer to ping: the answering node's id.
func (w *Writer) Pong(dst []byte, msg *MsgID, self *ID, t *Trailer) []byte {
	w.begin(dst, KindAnswer, msg)
	w.id(self)
	return w.end(t)
}

// Stored appends the answer to store.
func (w *Writer) Stored(dst []byte, msg *MsgID, ok bool, t *Trailer) []byte {
	w.begin(dst, KindAnswer, msg)
	w.enc.EncodeBool(ok)
	return w.end(t)
}

// Contacts appends the answer to find_node, or to find_value without a value. Every
// address must be valid and have a port.
func (w *Writer) Contacts(dst []byte, msg *MsgID, list []Contact, t *Trailer) []byte {
	w.begin(dst, KindAnswer, msg)
	w.enc.EncodeArrayLen(len(list))
	for i := range list {
		w.enc.EncodeArrayLen(3)
		w.id(&list[i].ID)
		w.addr(list[i].Addr)
	}
	return w.end(t)
}

// Value appends the answer to find_value with a value. It leaves out the trailer if
// that would make the datagram too long.
func (w *Writer) Value(dst []byte, msg *MsgID, v []byte, t *Trailer) []byte {
	w.begin(dst, KindAnswer, msg)
	w.enc.EncodeMapLen(1)
	w.enc.EncodeString("value")
	w.out.Write(v)
	if len(w.out.b)-len(dst)+maxTrailer > MaxDatagram {
		t = &Trailer{}
	}
	return w.end(t)
}

// Stun appends the answer to stun: the source address of the request, in the form of
// Python's sockets, with two more numbers for IPv6.
func (w *Writer) Stun(dst []byte, msg *MsgID, from netip.AddrPort, t *Trailer) []byte {
	w.begin(dst, KindAnswer, msg)
	if from.Addr().Unmap().Is4() {
		w.enc.EncodeArrayLen(2)
		w.addr(from)
	} else {
		w.enc.EncodeArrayLen(4)
		w.addr(from)
		w.enc.EncodeUint(0)
		w.enc.EncodeUint(0)
	}
	return w.end(t)
}

func (w *Writer) begin(dst []byte, k Kind, msg *MsgID) {
	w.out.b = append(append(dst, byte(k)), msg[:]...)
}

func (w *Writer) end(t *Trailer) []byte {
	w.trailer(t)
	b := w.out.b
	w.out.b = nil
	return b
}

func (w *Writer) id(id *ID) {
	w.enc.EncodeBytesLen(len(id))
	w.out.Write(id[:])
}

func (w *Writer) addr(a netip.AddrPort) {
	text := a.Addr().Unmap().WithZone("").AppendTo(w.scratch[:0])
	// The encoder copies the string before it returns.
	w.enc.EncodeString(unsafe.String(&text[0], len(text)))
	w.enc.EncodeUint(uint64(a.Port()))
}

// buffer collects the output of the msgpack encoder.
type buffer struct{ b []byte }

func (o *buffer) Write(p []byte) (int, error) {
	o.b = append(o.b, p...)
	return len(p), nil
}

func (o *buffer) WriteByte(c byte) error {
	o.b = append(o.b, c)
	return nil
}
