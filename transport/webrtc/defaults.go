//go:build !js

package webrtc

const defaultChannels = 512

// readBatch is the maximum number of datagrams that a reader reads at a time.
const readBatch = 32
