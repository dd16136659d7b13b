package webrtc

const defaultChannels = 24

// readBatch is small in a browser: memory is short, and calls of ReadBatch are cheap.
const readBatch = 4
