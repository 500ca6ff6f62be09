package layer

// watch has fn called with the name of each group that got its first member or lost its last one. It is called without any lock, after
// the change and before the call that changed it returns; calls about one group may overtake each other, so fn asks
// [Memory.hasGroup] what holds now. It hears at once of the groups that there are.
func (m *Memory) watch(fn func(group string)) {
	m.watcher.Store(&fn)
	for i := range m.groups {
		s := &m.groups[i]
		var names []string
		s.mu.Lock()
		for name := range s.groups.entries {
			names = append(names, name)
		}
		s.mu.Unlock()
		m.tell(names...)
	}
}

// tell tells the watcher of groups that began or ended. No lock may be held.
func (m *Memory) tell(groups ...string) {
	fn := m.watcher.Load()
	if fn == nil {
		return
	}
	for _, name := range groups {
		(*fn)(name)
	}
}

// hasGroup says whether a group has members now. Those that expired may count for half a minute more.
func (m *Memory) hasGroup(name string) bool {
	s := m.groupShard(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.groups.entries[name] != nil
}
