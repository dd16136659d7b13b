package sim

import (
	"slices"
	"time"

	"github.com/kadmesh/kadmesh/core"
)

// Scenarios are all scenarios.
var Scenarios = append([]Scenario{
	{Name: "scale", configure: inFourLanes, play: playScale,
		About: "all nodes join; gets and lookups in a healthy network, at once or after DURATION"},
	{Name: "dead10", configure: inFourLanes, play: func(r *run) { playDead(r, 0.1) },
		About: "after an hour or DURATION, 10 % of the nodes vanish at once; gets and lookups right after that"},
	{Name: "dead30", configure: inFourLanes, play: func(r *run) { playDead(r, 0.3) },
		About: "after an hour or DURATION, 30 % of the nodes vanish at once; gets and lookups right after that"},
	{Name: "loss10", configure: watchContacts, play: func(r *run) { playLoss(r, 0.1, 0.999) },
		About: "10 % of all datagrams are lost, for an hour"},
	{Name: "loss30", configure: watchContacts, play: func(r *run) { playLoss(r, 0.3, 0.99) },
		About: "30 % of all datagrams are lost, for an hour"},
	{Name: "linkdown", play: playLinkDown,
		About: "some nodes have no link for 10 minutes, and try gets all the time"},
	{Name: "kad", configure: longestTTL, play: playKAD,
		About: "churn as in KAD (half of the nodes stay 93 minutes), for 24 h or DURATION"},
	{Name: "bamboo", configure: republishEachMinute, play: playBamboo,
		About: "churn of the Bamboo stress test (half of the nodes stay 1.4 minutes), values republished each minute; " +
			"30 minutes or DURATION"},
	{Name: "silent20", play: func(r *run) { playAdversaries(r, silent, 0.2) },
		About: "20 % of the nodes do not answer requests for nodes or values"},
	{Name: "lying20", play: func(r *run) { playAdversaries(r, lying, 0.2) },
		About: "20 % of the nodes name nodes that do not exist, next to the target"},
	{Name: "collude20", play: func(r *run) { playAdversaries(r, colluding, 0.2) },
		About: "20 % of the nodes name only each other"},
	{Name: "forge20", play: func(r *run) { playAdversaries(r, forging, 0.2) },
		About: "20 % of the nodes answer every get with a forged value"},
	{Name: "sybil", play: playSybil,
		About: "2k nodes choose ids next to each of four keys, and deny that there are values"},
	{Name: "mixed", play: playMixed,
		About: "half of the nodes behave like Python's kademlia; 10 % of all vanish"},
	{Name: "tabs", play: playTabs,
		About: "a third of the nodes are tabs: half of these stay 5 minutes, timers tick once a second; 1 h or DURATION"},
	{Name: "partition", play: playPartition,
		About: "the network falls apart into two halves for 30 minutes, and comes together again"},
	{Name: "oneway", play: func(r *run) { playRough(r, 0.97) },
		configure: func(c *Config) { c.Link.OneWay = 0.1 },
		About:     "for one in ten ordered pairs of nodes, the first never reaches the second"},
	{Name: "rough", play: func(r *run) { playRough(r, 0.999) },
		configure: func(c *Config) { c.Link = Link{Loss: 0.01, Duplicate: 0.01, Reorder: 0.05} },
		About:     "1 % of the datagrams arrive twice, 5 % up to a second late, 1 % not at all"},
	{Name: "pairs", play: func(r *run) { playRough(r, 0.999) },
		configure: func(c *Config) { c.Link.Latency = PerPair(100*time.Millisecond, 0.6) },
		About:     "each pair of nodes has a round-trip time of its own"},
	{Name: "hotkey", configure: readCopies, play: playHotKey,
		About: "all nodes get the same key, each once a second, for a minute"},
}, safetyScenarios...)

// inFourLanes lets a large network run on up to four processors.
func inFourLanes(c *Config) { c.Lanes = 4 }

func watchContacts(c *Config) { c.WatchContacts = true }

// republishEachMinute keeps values through the Bamboo churn. By the end of the usual
// hour every node that held a value would have left.
func republishEachMinute(c *Config) { c.Core.RepublishInterval = time.Minute }

// readCopies lets the copies of a key that many nodes read share the load.
func readCopies(c *Config) { c.Gets.MaxAge = 2 * time.Minute }

func longestTTL(c *Config) { c.Core.TTL = core.MaxTTL }

func playScale(r *run) {
	r.grow(r.Nodes)
	r.report.note("datagrams per node to join", share(r.Datagrams, uint64(r.Nodes)), "")
	r.Run(r.until(0)) // the tables fill up
	contacts := 0
	for _, slot := range r.alive {
		contacts += r.engine(int(slot)).Stats().Contacts
	}
	r.report.note("contacts per node", share(uint64(contacts), uint64(r.Nodes)), "")
	r.publish(max(1, r.Ops/5))
	gets := r.gets(max(1, r.Ops*2/5))
	r.report.atLeast("gets that find the value", gets.success(), "", 0.999)
	r.noteTimes("get", gets)
	lookups, found := r.lookups(max(1, r.Ops*2/5))
	hops := lookups.hops()
	r.report.atMost("hops of a full lookup, mean", mean(hops), "", 2.4)
	r.report.atMost("hops of a full lookup, p99", percentile(hops, 0.99), "", 3)
	r.report.atMost("requests of a full lookup, mean", mean(lookups.requests()), "", 25)
	r.report.atLeast("true k nearest found", found, "", 0.97)
	r.noteTimes("full lookup", lookups)
	r.chart("Hops of lookups", "hops", hops, 0, "%.0f")
	r.chartTimes(gets, lookups)
}

// killShare kills a share p of the nodes, chosen at random.
func (r *run) killShare(p float64) {
	for range int(p * float64(r.Size())) {
		r.Kill(r.Random())
	}
}

func playDead(r *run, p float64) {
	r.grow(r.Nodes)
	r.Run(r.until(time.Hour)) // the tables fill up
	r.publish(r.Ops)
	r.killShare(p)
	// To confirm a value takes one more round trip: 0.1 s in the middle.
	p99, full := 0.60, 1.5
	if p > 0.1 {
		p99, full = 0.90, 2.8
	}
	gets := r.gets(r.Ops)
	t := gets.seconds()
	r.report.atLeast("gets that find the value", gets.success(), "", 0.999)
	r.report.atMost("get p50", percentile(t, 0.5), "s", 0.30)
	r.report.atMost("get p99", percentile(t, 0.99), "s", p99)
	lookups, found := r.lookups(r.Ops)
	t = lookups.seconds()
	r.report.atMost("full lookup p50", percentile(t, 0.5), "s", full)
	r.report.note("full lookup p99", percentile(t, 0.99), "s")
	r.report.note("requests of a full lookup, mean", mean(lookups.requests()), "")
	if p <= 0.1 {
		r.report.atLeast("true k nearest alive found", found, "", 0.97)
	} else {
		r.report.note("true k nearest alive found", found, "")
	}
	r.chartTimes(gets, lookups)
}

func playLoss(r *run, loss, success float64) {
	r.grow(r.Nodes)
	r.cfg.Link.Loss = loss
	r.Evicted = 0
	r.publish(r.Ops)
	gets := r.noteGets(success)
	lookups := r.noteLookups(r.Ops/2, "true k nearest found")
	r.Run(time.Hour)
	r.report.atLeast("gets that find the value, an hour later", r.gets(r.Ops).success(), "", success)
	if loss <= 0.1 {
		r.report.atMost("live contacts evicted", float64(r.Evicted), "", 0)
	} else {
		r.report.note("live contacts evicted", float64(r.Evicted), "")
	}
	r.chartTimes(gets, lookups)
}

// maxCut is the number of nodes that lose their link, at most half of the network.
const maxCut = 50

func playLinkDown(r *run) {
	r.grow(r.Nodes)
	r.publish(100)
	r.Run(10 * time.Minute)
	victims := slices.Clone(r.alive)
	r.rand.Shuffle(len(victims), func(i, j int) { victims[i], victims[j] = victims[j], victims[i] })
	victims = victims[:min(maxCut, len(victims)/2)]
	before := r.getBy(victims)
	tables := r.cut(victims)
	for end := r.now + 10*time.Minute; r.now < end; {
		r.getBy(victims)
	}
	changed := r.restore(victims, tables)
	after := r.getBy(victims)
	r.report.atMost("tables that have changed meanwhile", float64(changed), "", 0)
	r.report.atLeast("first gets that find the value", after.success(), "", 1)
	r.noteTimes("get before", before)
	r.noteTimes("first get after", after)
	requests := after.requests()
	r.report.note("requests of a first get, mean", mean(requests), "")
}

// getBy makes each of slots get one key, all at the same time, and lets 20 s pass.
func (r *run) getBy(slots []int32) *sample {
	s := &sample{}
	for i, slot := range slots {
		s.ops = append(s.ops, r.get(int(slot), r.keys[i%len(r.keys)]))
	}
	r.Run(20 * time.Second)
	for _, o := range s.ops {
		if o.done && o.err == nil {
			s.right++
		}
	}
	return s
}

// cut takes the link from each of slots. It returns the contacts of each.
func (r *run) cut(slots []int32) (tables [][]core.Contact) {
	for _, slot := range slots {
		r.nodes[slot].down = true
		tables = append(tables, r.engine(int(slot)).Contacts())
	}
	return tables
}

// restore undoes cut. It returns how many of the tables differ now.
func (r *run) restore(slots []int32, tables [][]core.Contact) (changed int) {
	for i, slot := range slots {
		r.nodes[slot].down = false
		if !slices.Equal(tables[i], r.engine(int(slot)).Contacts()) {
			changed++
		}
	}
	return changed
}

func playMixed(r *run) {
	r.growWith(r.Nodes, func() {
		if r.Size()%2 == 1 {
			r.addReference(r.k(), r.randomEngine())
		} else {
			r.addAndJoin()
		}
	})
	r.publish(r.Ops)
	r.killShare(0.1)
	gets := r.noteGets(0.999)
	theirs := &sample{ops: r.each(r.Ops, opPause, func(i int) *op {
		p, ok := r.nodes[r.Random()].peer.(*reference)
		if !ok {
			return nil
		}
		return p.get(r.keys[i%len(r.keys)])
	})}
	r.noteTimes("get by one like Python's", theirs)
	lookups := r.noteLookups(r.Ops/2, "true k nearest alive found")
	r.chartTimes(gets, lookups)
}

func playPartition(r *run) {
	r.grow(r.Nodes)
	r.publish(r.Ops)
	for i, slot := range r.alive {
		r.nodes[slot].group = uint8(i % 2)
	}
	r.Run(time.Minute)
	r.report.atLeast("gets that find the value, in halves", r.gets(r.Ops).success(), "", 0.99)
	r.Run(30 * time.Minute)
	for i := range r.nodes {
		r.nodes[i].group = 0
	}
	r.Run(time.Minute)
	gets := r.gets(r.Ops)
	r.report.atLeast("gets that find the value, together again", gets.success(), "", 0.999)
	r.noteTimes("get, together again", gets)
	_, found := r.lookups(r.Ops / 2)
	r.report.atLeast("true k nearest found, together again", found, "", 0.97)
}

func playRough(r *run, success float64) {
	r.grow(r.Nodes)
	r.publish(r.Ops)
	gets := r.noteGets(success)
	lookups := r.noteLookups(r.Ops/2, "true k nearest found")
	r.chartTimes(gets, lookups)
}

func playHotKey(r *run) {
	r.grow(r.Nodes)
	r.publish(1)
	loads := func() []uint64 {
		list := make([]uint64, len(r.nodes))
		for i := range list {
			list[i] = r.engine(i).Stats().Received
		}
		return list
	}
	second := func() {
		for i := range r.nodes {
			r.get(i, r.keys[0])
			r.Run(time.Second / time.Duration(len(r.nodes)))
		}
	}
	spread := func() (most, average float64) {
		before := loads()
		second()
		for i, l := range loads() {
			most = max(most, float64(l-before[i]))
			average += float64(l-before[i]) / float64(len(before))
		}
		return most, average
	}
	most, average := spread()
	r.report.note("load of the busiest node at first, by mean", most/max(average, 1), "")
	for range 58 {
		second()
	}
	most, average = spread()
	r.report.note("load of the busiest node in the end, by mean", most/max(average, 1), "")
	r.report.note("datagrams per node and second in the end", average, "")
}
