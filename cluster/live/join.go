package live

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

type joined []Source

// Join makes one Source of several nodes. Registrations are taken from the
// first node that answers, since all proxies share one location store; the
// rest is merged. An error comes only when no node answers.
func Join(sources ...Source) Source {
	if len(sources) == 1 {
		return sources[0]
	}
	return joined(sources)
}

// gather collects from every node that answers.
func gather[T any](j joined, read func(Source) ([]T, error)) ([]T, error) {
	var all []T
	var errs []error
	for _, s := range j {
		v, err := read(s)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		all = append(all, v...)
	}
	if len(errs) == len(j) {
		return nil, errors.Join(errs...)
	}
	return all, nil
}

func (j joined) Calls(ctx context.Context, limit int) ([]Call, error) {
	all, err := gather(j, func(s Source) ([]Call, error) { return s.Calls(ctx, limit) })
	slices.SortStableFunc(all, func(a, b Call) int { return b.Invited.Compare(a.Invited) })
	if limit > 0 && len(all) > limit {
		all = all[:limit]
	}
	return all, err
}

func (j joined) Registrations(ctx context.Context, prefix string, limit int) ([]Registration, error) {
	var errs []error
	for _, s := range j {
		v, err := s.Registrations(ctx, prefix, limit)
		if err == nil {
			return v, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

func (j joined) Ladder(ctx context.Context, callID string) ([]Message, error) {
	all, err := gather(j, func(s Source) ([]Message, error) {
		m, err := s.Ladder(ctx, callID)
		if errors.Is(err, ErrNotFound) {
			return nil, nil
		}
		return m, err
	})
	if err == nil && len(all) == 0 {
		return nil, ErrNotFound
	}
	slices.SortStableFunc(all, func(a, b Message) int { return a.At.Compare(b.At) })
	return all, err
}

func (j joined) Media(ctx context.Context, callID string) (json.RawMessage, error) {
	errs := []error{}
	for _, s := range j {
		v, err := s.Media(ctx, callID)
		if err == nil {
			return v, nil
		}
		errs = append(errs, err)
	}
	if slices.ContainsFunc(errs, func(err error) bool { return errors.Is(err, ErrNotFound) }) {
		return nil, ErrNotFound
	}
	return nil, errors.Join(errs...)
}

func (j joined) Counts(ctx context.Context) (Counts, error) {
	var sum Counts
	var errs []error
	for _, s := range j {
		c, err := s.Counts(ctx)
		sum.Missing = append(sum.Missing, c.Missing...)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		sum.Calls += c.Calls
		sum.Media += c.Media
		sum.Registrations = max(sum.Registrations, c.Registrations)
	}
	slices.SortFunc(sum.Missing, strings.Compare)
	if len(errs) == len(j) {
		return sum, errors.Join(errs...)
	}
	return sum, nil
}

func (j joined) Version(ctx context.Context) (uint64, error) {
	v, err := gather(j, func(s Source) ([]uint64, error) {
		n, err := s.Version(ctx)
		return []uint64{n}, err
	})
	sum := uint64(len(v)) // a node that comes or goes is a change too
	for _, n := range v {
		sum += n
	}
	return sum, err
}
