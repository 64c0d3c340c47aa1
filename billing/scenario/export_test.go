package scenario

// Together adds up the first party's prices of fragments, in units.
func Together(list []Fragment) (Money, error) {
	u := unitOf{}
	sum := int64(0)
	for _, f := range list {
		a, err := u.amount(f.Prices[0])
		if err != nil {
			return "", err
		}
		sum += a.Micros()
	}
	return u.write(sum), nil
}
