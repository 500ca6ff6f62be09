package presence

// roster is who is in which place. Places without anybody are not in it.
type roster map[string]map[string]struct{}

func (r roster) add(k key) {
	users := r[k.place]
	if users == nil {
		users = map[string]struct{}{}
		r[k.place] = users
	}
	users[k.user] = struct{}{}
}

func (r roster) remove(k key) {
	users := r[k.place]
	delete(users, k.user)
	if len(users) == 0 {
		delete(r, k.place)
	}
}

func (r roster) has(k key) bool {
	_, ok := r[k.place][k.user]
	return ok
}

func (r roster) count(place string) int { return len(r[place]) }

func (r roster) users(place string) []string {
	users := make([]string, 0, len(r[place]))
	for user := range r[place] {
		users = append(users, user)
	}
	return users
}
