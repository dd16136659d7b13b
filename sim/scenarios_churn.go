package sim

import "time"

func playKAD(r *run) {
	r.grow(r.Nodes)
	r.publish(r.Ops)
	s := r.countStores()
	r.churn(KAD)
	hours := int(max(r.until(24*time.Hour), time.Hour) / time.Hour)
	lost, right, wrong := 0, 0, 0
	var sum Traffic
	stay := 0.
	for range hours {
		before := r.Traffic
		r.Run(time.Hour)
		sum.Datagrams += r.Datagrams - before.Datagrams
		sum.Bytes += r.Bytes - before.Bytes
		clear(s.bursts)
		held, missing := r.holders()
		stay += held / float64(hours)
		lost = max(lost, missing)
		gets := r.gets(200)
		right += gets.right
		wrong += len(gets.ops) - gets.right
	}
	r.report.note("key-hours", float64(len(r.keys)*hours), "")
	r.report.atMost("values lost", float64(lost), "", 0)
	r.report.atLeast("gets that find the value", share(uint64(right), uint64(right+wrong)), "", 0.999)
	r.report.note("nodes that hold a value, mean", stay, "")
	r.report.atMost("republishers per key and hour", float64(s.republished)/float64(len(r.keys)*hours), "", 1.2)
	r.report.note("nodes replaced per node and hour", share(r.Left, uint64(r.Size()*hours)), "")
	nodeHours := uint64(r.Size() * hours)
	r.report.note("maintenance datagrams per node and hour", share(sum.Datagrams, nodeHours), "")
	r.report.note("maintenance bytes per node and hour", share(sum.Bytes, nodeHours), "B")
}

// until returns Options.Duration, or otherwise if it is zero.
func (r *run) until(otherwise time.Duration) time.Duration {
	if r.Duration > 0 {
		return r.Duration
	}
	return otherwise
}

func playBamboo(r *run) {
	r.grow(r.Nodes)
	r.publish(max(1, r.Ops/5))
	r.churn(Bamboo)
	before, start := r.Traffic, r.now
	r.Run(r.until(30 * time.Minute))
	r.noteTraffic(before, r.now-start)
	held, lost := r.holders()
	r.report.note("nodes that hold a value, mean", held, "")
	r.report.note("values lost", float64(lost), "")
	gets := r.noteGets(0.99)
	lookups := r.noteLookups(r.Ops/5, "true k nearest found")
	r.chartTimes(gets, lookups)
}

func playTabs(r *run) {
	tab := Weibull{1, 433 * time.Second} // half stay 5 minutes
	r.grow(r.Nodes * 2 / 3)
	for range r.Nodes / 3 {
		r.addMortal(tab, time.Second)
		r.Run(joinPause)
	}
	r.Run(settle)
	r.publish(max(1, r.Ops/5))
	before, start := r.Traffic, r.now
	r.Run(r.until(time.Hour))
	r.noteTraffic(before, r.now-start)
	held, lost := r.holders()
	r.report.note("nodes that hold a value, mean", held, "")
	r.report.atMost("values lost", float64(lost), "", 0)
	r.noteGets(0.99)
}
