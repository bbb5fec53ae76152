"""What a flow is: records as columns, connections stitched from them."""
