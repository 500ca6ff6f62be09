package cluster

// Trouble is what stands between this node and another one, or what is wrong with this one.
type Trouble struct {
	Kind TroubleKind
	Text string // for people: what is wrong and what to do
}

// TroubleKind tells troubles apart.
type TroubleKind string

// The kinds of trouble.
const (
	NoTrouble        TroubleKind = ""
	WrongSecret      TroubleKind = "wrong_secret"     // same cluster, other secret
	WrongCluster     TroubleKind = "wrong_cluster"    // another cluster (another gossip label)
	DuplicateID      TroubleKind = "duplicate_id"     // two live nodes have the same id
	UDPBlocked       TroubleKind = "udp_blocked"      // TCP gets through, UDP does not
	PortClosed       TroubleKind = "port_closed"      // nothing answers at the address
	NameUnresolved   TroubleKind = "name_unresolved"  // the host name of a seed has no address
	NotSnug          TroubleKind = "not_snug"         // something else answers there
	VersionMismatch  TroubleKind = "version_mismatch" // no protocol in common
	ClockOff         TroubleKind = "clock_off"        // the clocks differ by more than a minute
	AddressConflict  TroubleKind = "address_conflict" // returned elsewhere while the others have not missed it yet
	TooManyNodes     TroubleKind = "too_many_nodes"   // more nodes than are kept
	DiskFull         TroubleKind = "disk_full"        // the node cannot store anything
	DiskFails        TroubleKind = "disk_fails"       // nor here
	DiskLost         TroubleKind = "disk_lost"        // nor here, until it is started again
	NotWritable      TroubleKind = "not_writable"     // nor here: its data directory
	DatabaseBusy     TroubleKind = "database_busy"    // nor here: another program works on it
	TroubleUndefined TroubleKind = "trouble"          // anything else
)

// String is the text.
func (t Trouble) String() string { return t.Text }
