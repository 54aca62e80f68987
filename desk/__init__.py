"""What the bank sells: products, quotes, orders, execution, hedging, custody and cash."""
