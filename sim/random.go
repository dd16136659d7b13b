package sim

import (
	"math"
	"math/bits"
	"time"
)

// The distributions must give the same bits on every platform. So exp and ln are
// computed here, because package math may round differently between platforms. And
// each product is converted to float64 before an addition, because compilers may
// fuse the two.

// mix hashes a word: the finalizer of SplitMix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// unit maps a random word to a number between 0 and 1, both excluded.
func unit(x uint64) float64 { return (float64(x>>12) + 0.5) / (1 << 52) }

// horner evaluates the polynomial with coefficients c, highest power first, at x.
func horner(x float64, c ...float64) float64 {
	sum := c[0]
	for _, a := range c[1:] {
		sum = float64(sum*x) + a
	}
	return sum
}

// exp returns e to the power of x.
func exp(x float64) float64 {
	n := math.Floor(float64(x*math.Log2E) + 0.5)
	r := x - float64(n*math.Ln2)
	y := horner(r, 1./479001600, 1./39916800, 1./3628800, 1./362880, 1./40320, 1./5040, 1./720, 1./120, 1./24, 1./6,
		1./2, 1, 1)
	return math.Ldexp(y, int(n))
}

// ln returns the natural logarithm of x.
func ln(x float64) float64 {
	frac, n := math.Frexp(x)
	if frac < math.Sqrt2/2 {
		frac *= 2
		n--
	}
	s := (frac - 1) / (frac + 1)
	y := float64(float64(2*s) * horner(float64(s*s), 1./19, 1./17, 1./15, 1./13, 1./11, 1./9, 1./7, 1./5, 1./3, 1))
	return float64(float64(n)*math.Ln2) + y
}

// normalQuantile is the inverse of the standard normal distribution: Acklam's
// approximation, with a relative error below 1.2e-9.
func normalQuantile(p float64) float64 {
	const low = 0.02425
	tail := func(p float64) float64 {
		q := math.Sqrt(float64(-2 * ln(p)))
		return horner(q, -7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838,
			-2.549732539343734, 4.374664141464968, 2.938163982698783) /
			horner(q, 7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996, 3.754408661907416, 1)
	}
	switch {
	case p < low:
		return tail(p)
	case p > 1-low:
		return -tail(1 - p)
	}
	q := p - 0.5
	r := float64(q * q)
	return float64(horner(r, -3.969683028665376e+01, 2.209460984245205e+02, -2.759285104469687e+02,
		1.383577518672690e+02, -3.066479806614716e+01, 2.506628277459239)*q) /
		horner(r, -5.447609879822406e+01, 1.615858368580409e+02, -1.556989798598866e+02,
			6.680131188771972e+01, -1.328068155288572e+01, 1)
}

// logNormal maps a random word to a log-normally distributed time. sigma is the
// standard deviation of the logarithm.
func logNormal(x uint64, median time.Duration, sigma float64) time.Duration {
	return time.Duration(float64(median) * exp(float64(sigma*normalQuantile(unit(x)))))
}

// Weibull is a distribution of lifetimes of nodes.
type Weibull struct {
	Shape float64
	Scale time.Duration
}

// KAD is the lifetime of peers of KAD (Steiner et al. 2009), with a median of 93
// minutes. Bamboo is the hardest churn of Rhea et al. (2004): exponential, with a
// median of 1.4 minutes.
var (
	KAD    = Weibull{0.61511, 10172310 * time.Millisecond}
	Bamboo = Weibull{1, 121187 * time.Millisecond}
)

// draw maps a random word to a lifetime.
func (w Weibull) draw(x uint64) time.Duration {
	return time.Duration(float64(w.Scale) * exp(ln(-ln(unit(x)))/w.Shape))
}

// digest is a hash to tell two runs apart. It is not cryptographic.
type digest uint64

// add adds a word to the hash.
func (d *digest) add(x uint64) {
	*d = digest(bits.RotateLeft64(uint64(*d)^x, 29) * 0x9e3779b97f4a7c15)
}
