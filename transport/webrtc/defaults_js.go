package webrtc

const defaultChannels = 24

// readBatch is small here: memory is short, and a call of ReadBatch costs little.
const readBatch = 4
