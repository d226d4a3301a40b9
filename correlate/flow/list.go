package flow

// list orders connections by when they last moved something. Its links are in
// the connections, so that moving one costs no allocation.
type list struct {
	front, back *connection
}

func (l *list) push(c *connection) {
	c.prev, c.next = l.back, nil
	if l.back != nil {
		l.back.next = c
	} else {
		l.front = c
	}
	l.back = c
}

func (l *list) remove(c *connection) {
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		l.front = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	} else {
		l.back = c.prev
	}
	c.prev, c.next = nil, nil
}

func (l *list) moveToBack(c *connection) {
	if l.back != c {
		l.remove(c)
		l.push(c)
	}
}
