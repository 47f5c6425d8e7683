/** Captions by kind, as people would type them: single words, names with an article, whole scenes. */
const kinds: Readonly<Record<string, string>> = {
  animals:
    "a dog on a sofa, kitten, a horse in a meadow, a flock of sheep, parrot, an owl at night, a lizard on a rock, " +
    "jellyfish, a swarm of bees, a spider in its web, penguins on ice, an elephant by a river, camel, a fox in snow, " +
    "a tank of tropical fish, hedgehog, a seagull over the harbour, pigs in a stable, a beetle on a leaf, crocodile, " +
    "a newborn calf, two swans, squirrel, a bat hanging upside down, a hen with chicks, sea urchin, moose",
  plants:
    "a field of sunflowers, tulips, a cactus in a pot, moss on a tree trunk, an old oak, bamboo forest, autumn leaves, " +
    "a bouquet of roses, mushrooms in the grass, seaweed, a vineyard in rows, cherry blossom, fern, a fallen tree, " +
    "wheat field, water lilies, a hedge maze, palm trees, pine cone, an orchard, dandelion seeds, ivy on a wall",
  food:
    "a bowl of soup, pizza, a birthday cake with candles, sushi, a loaf of bread, fried eggs for breakfast, salad, " +
    "a plate of pasta, ice cream, grilled fish, a glass of red wine, a cup of coffee, strawberries, a fruit stall, " +
    "cheese board, a sandwich in a lunch box, pancakes, roast chicken, noodles, a jar of honey, chocolate, popcorn, " +
    "dumplings in a steamer, a barbecue, pickles, a pot of stew, lemons, oysters, a bag of crisps",
  people:
    "a smiling baby, an old man with a beard, a group of friends, bride and groom, children in a playground, selfie, " +
    "a crowd at a concert, a woman reading, a man in a suit, twins, a runner at the finish, a family at the table, " +
    "a barber cutting hair, firefighters, a nurse, soldiers on parade, a street musician, dancers on a stage, a clown, " +
    "grandparents, a teacher at the blackboard, a portrait in black and white, hands holding, someone asleep, a footprint",
  places:
    "a sandy beach, mountain peak, a waterfall, desert dunes, a village in a valley, city skyline at night, a harbour, " +
    "a frozen lake, a cave, a volcano, swamp, a railway station, an empty street, a narrow alley, an airport hall, " +
    "a shopping centre, a graveyard, a castle ruin, church, a mosque, a temple with a pagoda roof, a lighthouse, " +
    "a windmill, a stone bridge, a dam, a greenhouse, a football stadium, a swimming pool, a car park, a farmyard, " +
    "a petrol station, a construction site, a tunnel, a skate park, a campsite, a canal with houseboats",
  indoors:
    "a kitchen, an unmade bed, a bathroom mirror, a bookshelf, a living room with a fireplace, a staircase, an attic, " +
    "a desk with papers, a classroom, a hospital corridor, a workshop with tools, a restaurant table, a wardrobe, " +
    "a laundry basket, a child's bedroom, a museum hall, a laboratory, a server room, an open fridge, a lift, a sauna",
  things:
    "a bicycle, an umbrella, a pair of shoes, a wrist watch, keys, a wooden chair, a lamp, a broken window, a candle, " +
    "scissors, a backpack, a teddy bear, a chess board, a globe, spectacles, a hammer, a roll of tape, a suitcase, " +
    "a wallet, a toothbrush, a mirror, a vase, a balloon, a ladder, a bucket, an alarm clock, a padlock, a kite, " +
    "sewing machine, dice, a pile of coins, a necklace, a fishing rod, a rope, a bar of soap, a flag, a trophy",
  machines:
    "a red sports car, a steam train, a sailing boat, an aeroplane taking off, a tractor, motorcycle, a bus, a tank, " +
    "a helicopter, an excavator, a submarine, a rocket launch, a lorry, a tram, a crane, a robot, an engine, a canoe, " +
    "a camera, a laptop, a telephone box, an old radio, a vacuum cleaner, a circuit board, a 3D printer, a drone, " +
    "a telescope, solar panels, a power line, a satellite dish, an ambulance, a typewriter, a ski lift",
  doings:
    "playing football, swimming, cooking, a game of tennis, riding a horse, skiing downhill, fishing, climbing a wall, " +
    "painting a picture, playing the piano, a surfer on a wave, gardening, boxing, ice skating, rowing, a handshake, " +
    "watching television, blowing out candles, unpacking presents, digging a hole, washing a car, yoga, a pillow fight, " +
    "archery, a marathon, building a snowman, an arm in plaster, juggling, knitting, throwing a ball",
  weather:
    "rain on a window, a rainbow, sunset over the sea, a starry sky, lightning, thick fog, a snowstorm, clouds, " +
    "full moon, northern lights, sunrise in the mountains, a flood, a tornado, frost on grass, an eclipse, a puddle",
  papers:
    "a map, a handwritten letter, a receipt, a screenshot of a chat, a bar chart, a passport, a page of a book, " +
    "a traffic sign, graffiti, a restaurant menu, a newspaper, a comic strip, a bar code, sheet music, a stamp, " +
    "a concert poster, a floor plan, a spreadsheet, a child's drawing, a medical X-ray, a crossword, a calendar, " +
    "a business card, an oil painting, a logo, a line of code, a tattoo, a mathematical formula, a sculpture",
  unlike:
    "wood grain, a brick wall, rust, a pattern of dots, blue, something blurred, total darkness, a close-up of skin, " +
    "bubbles, smoke, a shadow, reflections in water, cracked earth, fabric, sparks, a spiral, something yellow, sand, " +
    "a galaxy, cells under a microscope, a microchip, an aerial view of fields, a wedding dress, fireworks, fossils, " +
    "a coral reef, an astronaut, a knight in armour, a dinosaur skeleton, a mummy, a ghost, a treasure chest, origami",
};

/**
 * A few hundred captions of everyday things and scenes. Searches for them show how well an index's pictures score for
 * words that nobody chose with them in mind; some will fit some pictures, which whoever uses them has to allow for.
 */
export const genericCaptions: readonly string[] = Object.values(kinds).flatMap((list) => list.split(", "));
