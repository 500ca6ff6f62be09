package chat

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"snug/store"
)

// maxCachedPeople and maxCachedStrangers bound the names that are held, at about 200 bytes each; maxUnknown the ids without a name, at about 40.
const (
	maxCachedPeople    = 50_000
	maxCachedStrangers = 10_000
	maxUnknown         = 200_000
)

// people is a directory of names. It is filled as people turn up, and kept current by the publisher: of two states of
// a person the one with the later place stays.
type people struct {
	store *store.Store
	key   func(name string) (string, error)

	mu        sync.RWMutex // guards what follows
	ids       map[ID]*cachedPerson
	keys      map[string]*cachedPerson
	strangers map[string]struct{} // keys that nobody has, so that "@here" costs one query and not one a message
	unknown   map[ID]struct{}     // ids that nobody has here, so that those of another node's making cost one query and not one a page
	renames   []rename            // that nobody was told of yet
	changes   uint64              // counts the rows taken in: what was looked up before one may be wrong after it
}

type cachedPerson struct {
	Person
	key   string
	place int64
}

func newPeople(st *store.Store, key func(string) (string, error)) *people {
	return &people{
		store:     st,
		key:       key,
		ids:       make(map[ID]*cachedPerson),
		keys:      make(map[string]*cachedPerson),
		strangers: make(map[string]struct{}),
		unknown:   make(map[ID]struct{}),
	}
}

// put takes a row in, and returns the newest state of the person that it knows.
func (p *people) put(row *store.User) Person {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changes++
	delete(p.strangers, row.Key)
	delete(p.unknown, row.ID)
	old := p.ids[row.ID]
	if old != nil && old.place >= row.Place {
		return old.Person
	}
	if old == nil && len(p.ids) >= maxCachedPeople {
		p.evict()
	}
	if old != nil && old.Name != row.Name {
		p.renames = append(p.renames, rename{row.ID, old.Name, row.Name}) // the publisher takes it when it comes to this row
	}
	if old != nil && p.keys[old.key] == old {
		delete(p.keys, old.key)
	}
	person := &cachedPerson{Person: Person{ID: row.ID, Name: row.Name}, key: row.Key, place: row.Place}
	p.ids[row.ID] = person
	p.keys[row.Key] = person
	return person.Person
}

// know takes in the name of somebody who was authenticated, so that telling that they came asks no query. What a row
// says goes before it.
func (p *people) know(who Person) {
	p.mu.RLock()
	_, known := p.ids[who.ID]
	p.mu.RUnlock()
	if known {
		return
	}
	if key, err := p.key(who.Name); err == nil {
		p.put(&store.User{ID: who.ID, Name: who.Name, Key: key})
	}
}

// evict drops anybody: with so many people, one who says something is read again soon enough.
func (p *people) evict() {
	for id, person := range p.ids {
		delete(p.ids, id)
		if p.keys[person.key] == person {
			delete(p.keys, person.key)
		}
		return
	}
}

// names returns the name of each id. An id that nobody has gets a name made of its digits, because its row may still be on its way.
func (p *people) names(ctx context.Context, ids []ID) (map[ID]string, error) {
	names, err := p.known(ctx, ids)
	for _, id := range ids {
		if _, ok := names[id]; !ok && !id.IsZero() {
			names[id] = "user-" + id.Hex()[:8]
		}
	}
	return names, err
}

// known returns the name of each id that somebody has. Those that it does not hold are read in one query.
func (p *people) known(ctx context.Context, ids []ID) (map[ID]string, error) {
	names := make(map[ID]string, len(ids))
	var missing []ID
	p.mu.RLock()
	changes := p.changes
	for _, id := range ids {
		person := p.ids[id]
		if person != nil {
			names[id] = person.Name
		} else if _, unknown := p.unknown[id]; !unknown && !id.IsZero() {
			missing = append(missing, id)
		}
	}
	p.mu.RUnlock()
	if len(missing) == 0 {
		return names, nil
	}
	rows, err := p.store.UsersByID(ctx, missing)
	if err != nil {
		return names, fmt.Errorf("look up names: %w", err)
	}
	p.putUnknown(missing, rows, changes)
	for i := range rows {
		names[rows[i].ID] = p.put(&rows[i]).Name
	}
	return names, nil
}

// putUnknown remembers which of the ids nobody has, unless a row came in since changes was read: it may be theirs.
func (p *people) putUnknown(asked []ID, found []store.User, changes uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.changes != changes || len(found) == len(asked) {
		return
	}
	if len(p.unknown)+len(asked) > maxUnknown {
		clear(p.unknown)
	}
	if len(asked) > maxUnknown {
		return
	}
	for _, id := range asked {
		p.unknown[id] = struct{}{}
	}
	for i := range found {
		delete(p.unknown, found[i].ID)
	}
}

// byName returns who has a name, or an error that wraps store.ErrNotFound. It asks the store about a name that it
// does not hold, because somebody may have taken it a moment ago.
func (p *people) byName(ctx context.Context, name string) (Person, error) {
	key, err := p.key(name)
	if err != nil {
		return Person{}, fmt.Errorf("%w: %w", store.ErrNotFound, err)
	}
	return p.byKey(ctx, key)
}

func (p *people) byKey(ctx context.Context, key string) (Person, error) {
	p.mu.RLock()
	person, changes := p.keys[key], p.changes
	p.mu.RUnlock()
	if person != nil {
		return person.Person, nil
	}
	row, err := p.store.UserByKey(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		p.putStranger(key, changes)
	}
	if err != nil {
		return Person{}, err
	}
	return p.put(&row), nil
}

// putStranger remembers that nobody has a key, unless a row came in since changes was read: it may be theirs.
func (p *people) putStranger(key string, changes uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.changes != changes {
		return
	}
	if len(p.strangers) >= maxCachedStrangers {
		clear(p.strangers)
	}
	p.strangers[key] = struct{}{}
}

// mentioned returns the name of who is meant by a name in a text. It asks a query only the first time that a name is
// seen.
func (p *people) mentioned(ctx context.Context, name string) (string, bool) {
	key, err := p.key(name)
	if err != nil {
		return "", false
	}
	p.mu.RLock()
	_, stranger := p.strangers[key]
	p.mu.RUnlock()
	if stranger {
		return "", false
	}
	person, err := p.byKey(ctx, key)
	return person.Name, err == nil
}
