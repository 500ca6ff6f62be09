package mesh

// SetLife makes the life of a Set that has not started what a test wants it to be: one whose clock was wrong.
func SetLife(s *Set, life uint64) { s.own.life = life }

// Life returns it.
func Life(s *Set) uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.own.life
}

// IsDelta tells frames apart.
func IsDelta(frame []byte) bool { return kind(frame[0]) == kindDelta }

// FrameSize is what one frame may have: what is aimed at, with the head of a frame.
const FrameSize = frameSize + 64
