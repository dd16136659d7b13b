//go:build !js

package webrtc

const defaultChannels = 512

// readBatch is how many datagrams a reader takes at a time off the wrapped conn.
const readBatch = 32
